"""What the partitions of a hop wait for, in the log: one server that is away stops them all, and is said once."""

import logging
import re

from aiokafka.structs import TopicPartition

log = logging.getLogger(__name__)

_PARTITION = re.compile(r"\[\d+\]")


class Troubles:
    """Told by every partition of a hop; says what is new, and when it is over for all."""

    def __init__(self, hop: str) -> None:
        self._hop = hop
        self._waiting: dict[TopicPartition, str] = {}

    def met(self, tp: TopicPartition, sentence: str, *, where: str) -> None:
        """*tp* begins to wait, at *where*, for what *sentence* says."""
        same = _PARTITION.sub("", sentence)
        if same not in self._waiting.values():
            log.warning("%s: %s; trying again until it answers, as will all partitions that need it", where, sentence)
        self._waiting[tp] = same

    def over(self, tp: TopicPartition) -> None:
        """*tp* waits no longer."""
        was = self._waiting.pop(tp)
        if was not in self._waiting.values():
            log.warning("hop %s: going on, no partition waits any longer: %s", self._hop, was)

    def gone(self, tp: TopicPartition) -> None:
        """*tp* is no longer ours."""
        self._waiting.pop(tp, None)
