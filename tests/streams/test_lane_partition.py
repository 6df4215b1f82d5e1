"""One owned partition against a scripted source: positions, batches, retries, the end. No broker needed."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

import pytest
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from streams.errors import OffsetsLost, Unavailable
from streams.health import of_hops
from streams.lane.health import HopHealth, PartitionHealth
from streams.lane.hop import Hop, LaneObserver, Pace
from streams.lane.partition import Partition
from streams.lane.trouble import Troubles

TP = TopicPartition("leads.inbox", 3)


class Record(NamedTuple):
    offset: int


def records(*offsets):
    return [Record(offset) for offset in offsets]


class Log:
    """A source that remembers where it was sought, and the group's offset."""

    def __init__(self, *, first=0, end=100, committed=None):
        self.first, self.end, self.committed, self.sought = first, end, committed, []

    def seek(self, tp, offset):
        self.sought.append(offset)

    async def bounds(self, tp):
        return self.first, self.end

    async def unread(self, tp):
        return 1

    async def read(self):
        return None if self.committed is None else OffsetAndMetadata(self.committed, "")

    async def commit(self, offset, metadata=""):
        raise AssertionError("the shards here commit nothing")


class Shard:
    """Writes down every call in order; waits or fails where it is told to."""

    def __init__(self, start=None):
        self.start, self.calls = start, []
        self.away = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def open(self):
        self.calls.append("open")
        return self.start

    async def handle(self, batch: Sequence[Record]):
        self.calls.append([record.offset for record in batch])
        await self.gate.wait()
        if self.away:
            self.away -= 1
            raise Unavailable("the other server does not answer")

    async def commit(self):
        self.calls.append("commit")

    async def idle(self, now):
        self.calls.append("idle")

    async def drop(self):
        self.calls.append("drop")


def owned(shard, log, **pace):
    settings = Pace(commit_every=timedelta(hours=1), retry_first=timedelta(milliseconds=1), **pace)
    hop = Hop(name="score", group="score", topics=("leads.inbox",), shards=None, pace=settings)
    return Partition(TP, shard, hop=hop, offset=log, source=log, observer=LaneObserver(), troubles=Troubles("score"))


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)


async def opened(shard, log, **pace):
    partition = owned(shard, log, **pace)
    living = asyncio.create_task(partition.live())
    await until(lambda: partition.hungry or living.done())
    return partition, living


async def test_it_begins_where_the_shard_says_else_where_the_group_committed_else_at_the_beginning():
    for shard, log, begins in (
        (Shard(start=7), Log(committed=5), 7),
        (Shard(), Log(committed=5), 5),
        (Shard(), Log(first=2), 2),
        (Shard(), Log(committed=0), 0),
    ):
        partition, living = await opened(shard, log)
        partition.finish()
        await living
        assert log.sought == [begins]


async def test_what_was_handled_already_is_cut_off_and_the_rest_is_handled_once():
    shard, log = Shard(start=5), Log()
    partition, living = await opened(shard, log)
    partition.offer(records(3, 4))
    partition.offer(records(4, 5, 6))
    partition.offer(records(6, 7))
    await until(lambda: len(shard.calls) > 1)
    partition.finish()
    await living
    assert shard.calls == ["open", [5, 6, 7], "commit"]


async def test_a_gap_is_asked_for_again_and_what_was_missing_is_handled():
    shard, log = Shard(start=5), Log()
    partition, living = await opened(shard, log)
    partition.offer(records(8, 9))
    assert log.sought == [5, 5]
    partition.offer(records(5, 6, 7, 8))
    await until(lambda: len(shard.calls) > 1)
    partition.finish()
    await living
    assert shard.calls == ["open", [5, 6, 7, 8], "commit"]


async def test_a_gap_that_the_log_answers_twice_is_a_hole_in_the_log():
    shard, log = Shard(start=5), Log()
    partition, living = await opened(shard, log)
    partition.offer(records(8, 9))
    partition.offer(records(8, 9))
    await until(lambda: len(shard.calls) > 1)
    partition.finish()
    await living
    assert shard.calls == ["open", [8, 9], "commit"]
    assert log.sought == [5, 5]


async def test_what_arrives_while_the_shard_is_busy_waits_bounded_and_becomes_the_next_batch():
    shard, log = Shard(start=0), Log()
    partition, living = await opened(shard, log, waiting_max=2, batch_max=3)
    shard.gate.clear()
    partition.offer(records(0))
    await until(lambda: len(shard.calls) > 1)
    partition.offer(records(1, 2))
    assert partition.hungry
    partition.offer(records(3, 4))
    assert not partition.hungry
    shard.gate.set()
    await until(lambda: len(shard.calls) > 3)
    partition.finish()
    await living
    assert shard.calls == ["open", [0], [1, 2, 3], [4], "commit"]


async def test_the_same_records_are_handed_over_again_while_a_server_is_away_and_nothing_is_committed():
    shard, log = Shard(start=0), Log()
    partition, living = await opened(shard, log)
    shard.away = 3
    partition.offer(records(0, 1))
    await until(lambda: len(shard.calls) == 4)
    assert partition.health().trouble == "the other server does not answer"
    await until(lambda: len(shard.calls) == 5)
    partition.finish()
    await living
    assert partition.health().trouble is None
    assert shard.calls == ["open", [0, 1], [0, 1], [0, 1], [0, 1], "commit"]


async def test_told_to_finish_while_a_server_is_away_it_ends_without_a_commit():
    shard, log = Shard(start=0), Log()
    partition, living = await opened(shard, log)
    shard.away = 10**9
    partition.offer(records(0, 1))
    await until(lambda: len(shard.calls) > 2)
    partition.finish()
    await living
    assert "commit" not in shard.calls


async def test_told_to_finish_it_ends_the_batch_in_hand_commits_and_leaves_the_rest():
    shard, log = Shard(start=0), Log()
    partition, living = await opened(shard, log)
    shard.gate.clear()
    partition.offer(records(0, 1))
    await until(lambda: len(shard.calls) > 1)
    partition.offer(records(2, 3))
    partition.finish()
    shard.gate.set()
    await living
    assert shard.calls == ["open", [0, 1], "commit"]


async def test_revoked_in_the_middle_of_a_batch_it_commits_nothing():
    shard, log = Shard(start=0), Log()
    partition, living = await opened(shard, log)
    shard.gate.clear()
    partition.offer(records(0, 1))
    await until(lambda: len(shard.calls) > 1)
    living.cancel()
    with pytest.raises(asyncio.CancelledError):
        await living
    assert shard.calls == ["open", [0, 1]]


@pytest.mark.parametrize(
    ("log", "told"),
    [
        (Log(first=40, committed=12), r"leads\.inbox\[3\]: offsets 12 to 39 .* the log begins at 40"),
        (Log(end=40, committed=90), r"leads\.inbox\[3\]: offset 90 should be read next, but the log ends at 40"),
    ],
)
async def test_an_offset_that_is_not_in_the_log_is_never_jumped_over(log, told):
    shard = Shard()
    with pytest.raises(OffsetsLost, match=told):
        await owned(shard, log).live()
    assert shard.calls == ["open"]
    assert log.sought == []


async def test_a_fetch_that_saw_another_position_is_asked_for_again_where_the_log_still_holds_it():
    shard, log = Shard(start=5), Log()
    partition, living = await opened(shard, log)
    partition.ask_again(first=5, end=9)
    assert log.sought == [5, 5]
    with pytest.raises(OffsetsLost, match=r"leads\.inbox\[3\]: offsets 5 to 7 .* the log begins at 8"):
        partition.ask_again(first=8, end=9)
    partition.finish()
    await living


NOW = timedelta(0)


def health_of(*partitions, joined=True):
    owned = {partition.tp: partition.health() for partition in partitions}
    return HopHealth(hop="score", joined=joined, still_for=timedelta(seconds=90), failure=None, partitions=owned)


async def test_a_batch_that_never_ends_counts_as_stuck_and_a_server_that_is_away_does_not():
    shard, log = Shard(start=0), Log()
    partition, living = await opened(shard, log)
    assert health_of(partition).ready
    shard.gate.clear()
    partition.offer(records(0, 1))
    await until(lambda: len(shard.calls) > 1)
    assert "leads.inbox[3] has not moved for 0 s, handling 2 records up to offset 1" in health_of(partition).stuck(NOW)
    assert health_of(partition).stuck(timedelta(hours=1)) is None
    shard.away = 10**9
    shard.gate.set()
    await until(lambda: len(shard.calls) > 2)
    assert health_of(partition).stuck(NOW) is None
    assert not health_of(partition).ready
    partition.finish()
    await living


def test_a_hop_that_owns_nothing_is_ready_once_its_group_has_said_so():
    assert health_of().ready
    assert health_of().stuck(NOW) is None
    assert not health_of(joined=False).ready
    assert health_of(joined=False).stuck(timedelta(minutes=2)) is None
    assert "not told for 90 s which partitions it owns" in health_of(joined=False).stuck(timedelta(minutes=1))


def test_a_group_that_waits_for_members_gone_silent_is_no_reason_to_restart():
    waiting = replace(health_of(joined=False), join_within=timedelta(seconds=91))
    assert waiting.stuck(timedelta(seconds=2)) is None
    assert replace(waiting, still_for=timedelta(seconds=92)).stuck(timedelta(seconds=2)) is not None


def still(partition, doing):
    return {TopicPartition("leads.inbox", partition): PartitionHealth(opened=True, doing=doing, lag=0, still_for=timedelta(minutes=2), trouble=None)}


def test_the_partition_that_holds_the_loop_is_named_alone_for_all_others_wait_for_it():
    partitions = still(0, "waiting for records") | still(1, "handling 7 records up to offset 9")
    hops = [replace(health_of(), hop="identify"), replace(health_of(), partitions=partitions, running=TopicPartition("leads.inbox", 1))]
    live = of_hops(lambda: hops, stuck_after=timedelta(minutes=1)).live
    assert live() == ["hop score: leads.inbox[1] has not moved for 120 s, handling 7 records up to offset 9"]
    hops = [replace(hops[1], running=None)]
    assert live() == ["hop score: leads.inbox[0] has not moved for 120 s, waiting for records"]


def test_a_server_that_is_away_is_said_once_for_all_partitions_and_once_that_it_is_back(caplog):
    troubles = Troubles("deliver")
    tps = [TopicPartition("leads.events", p) for p in range(3)]
    for tp in tps:
        troubles.met(tp, "ClickHouse at ch:9000 does not answer", where=f"hop deliver: leads.events[{tp.partition}] at offset 7")
    troubles.met(TopicPartition("leads.inbox", 1), "Kafka does not tell where the log of leads.inbox[1] ends", where="there")
    troubles.met(TopicPartition("leads.inbox", 2), "Kafka does not tell where the log of leads.inbox[2] ends", where="there")
    assert [record.getMessage().partition(";")[0] for record in caplog.records] == [
        "hop deliver: leads.events[0] at offset 7: ClickHouse at ch:9000 does not answer",
        "there: Kafka does not tell where the log of leads.inbox[1] ends",
    ]
    caplog.clear()
    troubles.over(tps[0])
    troubles.gone(tps[1])  # revoked meanwhile
    assert caplog.records == []
    troubles.over(tps[2])
    assert [record.getMessage() for record in caplog.records] == ["hop deliver: going on, no partition waits any longer: ClickHouse at ch:9000 does not answer"]
