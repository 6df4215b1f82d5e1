"""How a hop does, for /live and /ready: what it owns, what is open, and since when nothing moved."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from aiokafka.structs import TopicPartition


@dataclass(frozen=True, kw_only=True, slots=True)
class PartitionHealth:
    """One owned partition. `trouble` is the sentence of the server it waits for, `lag` None before the first answer.

    Progress is: opened, a batch handled, a commit, or the log found read to its end.
    """

    opened: bool
    doing: str
    lag: int | None
    still_for: timedelta
    trouble: str | None

    def stuck(self, after: timedelta) -> bool:
        """Whether nothing moved for so long though no server is away: a restart may help, as it would not if one were."""
        return self.trouble is None and self.still_for > after


@dataclass(frozen=True, kw_only=True, slots=True)
class HopHealth:
    """One hop of this process. Owning nothing is fine: there may be more workers than partitions."""

    hop: str
    joined: bool  # whether its group has told it what it owns; `still_for`: since when that has not changed
    still_for: timedelta
    join_within: timedelta = timedelta(0)  # so long its group may wait for members that have gone silent
    failure: str | None
    partitions: Mapping[TopicPartition, PartitionHealth]
    running: TopicPartition | None = None  # whose step the event loop is in, seen from another thread

    @property
    def ready(self) -> bool:
        """Whether it handles all it owns."""
        return self.joined and self.failure is None and all(each.opened and each.trouble is None for each in self.partitions.values())

    def stuck(self, after: timedelta) -> str | None:
        """Name what does not move though it could; None if all is well."""
        if not self.joined and self.still_for > max(after, self.join_within):
            return f"hop {self.hop}: not told for {self.still_for.total_seconds():.0f} s which partitions it owns"
        for tp, each in self.partitions.items():
            if each.stuck(after):
                return self._still(tp, each)
        return None

    def holds_the_loop(self, after: timedelta) -> str | None:
        """Name the stuck partition whose step keeps the event loop from turning; None if there is none."""
        each = None if self.running is None else self.partitions.get(self.running)
        return self._still(self.running, each) if self.running is not None and each is not None and each.stuck(after) else None

    def _still(self, tp: TopicPartition, each: PartitionHealth) -> str:
        return f"hop {self.hop}: {tp.topic}[{tp.partition}] has not moved for {each.still_for.total_seconds():.0f} s, {each.doing}"
