"""What a hop is written against: its shards, its pace, and who watches."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Protocol, TypeAlias

from aiokafka.structs import ConsumerRecord, OffsetAndMetadata, TopicPartition

REJOIN_WITHIN: Final = timedelta(seconds=30)
"""How long a group that shares its partitions out anew waits for a member."""


class GroupOffset(Protocol):
    """The offset that a hop's group has committed for one partition, spoken over the hop's own membership."""

    async def read(self) -> OffsetAndMetadata | None:
        """Return the committed offset (the next one to handle) and its metadata; None if there was no commit yet."""

    async def commit(self, offset: int, metadata: str = "") -> None:
        """Commit *offset* as the next one to handle; raise `Fenced` if the group has moved on without us."""


class Shard(Protocol):
    """One owned partition of a source topic. The lane calls one method at a time, never two at once.

    `Unavailable` raised by open, handle, commit or idle means: nothing of this call counts, call it again with the same
    arguments. The lane does so, ever more slowly, while the other partitions go on. Any other exception ends the
    process without a commit.
    """

    async def open(self) -> int | None:
        """Fence any former owner, restore what was committed, and return the next offset to handle.

        None: ask the group's committed offset; if there is none yet, start at the beginning of the log.
        """

    async def handle(self, records: Sequence[ConsumerRecord]) -> None:
        """Decide, and send what follows from *records*: in order, without holes, never empty. Acks may be outstanding."""

    async def commit(self) -> None:
        """Await outstanding acks, then commit up to the last record handled: state and offset together or not at all."""

    async def idle(self, now: int) -> None:
        """Do what time alone asks for; called about once a second while no record waits. *now*: ms since 1970."""

    async def drop(self) -> None:
        """Let go of everything, commit nothing: the partition was revoked, or the last commit is done.

        Called once, last, also if the shard was never opened.
        """


ShardFactory: TypeAlias = Callable[[TopicPartition, GroupOffset], Shard]


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """How fast a hop reads, commits, retries and gives up. The memory it may hold follows from it:

    per partition `waiting_max` fetches (each at most `fetch_bytes_max`, or one larger record) and as much again in the
    client's buffer, and the batch in hand.
    """

    commit_every: timedelta = timedelta(seconds=1)
    session_timeout: timedelta = timedelta(seconds=6)
    heartbeat: timedelta = timedelta(seconds=1)
    batch_max: int = 4000  # records a shard gets at once
    waiting_max: int = 4  # fetches that may wait for a busy shard before its partition is no longer asked for
    fetch_bytes_max: int = 1 << 20
    retry_first: timedelta = timedelta(milliseconds=200)
    retry_longest: timedelta = timedelta(seconds=10)
    stop_within: timedelta = timedelta(seconds=5)


@dataclass(frozen=True, kw_only=True, slots=True)
class Hop:
    """One topic to the next: which topics, as which group, into which shards.

    *shards* opens what a hop's shards share (producers, thread pools) for as long as the hop runs, and yields the
    factory of its shards. *newer* names the schema of a value that only a newer release can have written.
    """

    name: str
    group: str
    topics: tuple[str, ...]
    writes: tuple[str, ...] = ()  # topics that must exist besides
    shards: Callable[[], AbstractAsyncContextManager[ShardFactory]]
    newer: Callable[[bytes | None], str | None] = lambda _: None
    pace: Pace = field(default_factory=Pace)


class LaneObserver:
    """Told what happens in the lane; metrics override what they count. Never raises, never waits."""

    def assigned(self, hop: str, tp: TopicPartition) -> None:
        """*tp* is now ours."""

    def opened(self, hop: str, tp: TopicPartition, seconds: float) -> None:
        """Its shard took *seconds* to open and handles from now on."""

    def batch(self, hop: str, tp: TopicPartition, records: int, seconds: float) -> None:
        """*records* were handled in *seconds*."""

    def commit(self, hop: str, tp: TopicPartition, seconds: float) -> None:
        """A commit went through."""

    def lag(self, hop: str, tp: TopicPartition, records: int) -> None:
        """So many records of *tp* are in the log and not handled yet; told about once a second."""

    def unavailable(self, hop: str, tp: TopicPartition) -> None:
        """A step failed because a server is away; it will be repeated."""

    def revoked(self, hop: str, tp: TopicPartition) -> None:
        """*tp* is no longer ours."""
