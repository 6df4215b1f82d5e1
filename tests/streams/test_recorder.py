"""What the shards share while ClickHouse is away: two loads at most, and the same trouble told to all."""

from datetime import timedelta
from functools import partial

import pytest
from aiokafka.structs import ConsumerRecord
from msgspec.structs import astuple

from deploy.local.ports import claim
from schemas.dead_letter import DeadLetter
from sinks import rows
from sinks.clickhouse import connect
from streams.errors import Misconfigured, Unavailable
from streams.recorder import Bounds, Recorder

BOUNDS = Bounds(
    write_every=timedelta(milliseconds=10), rows_max=10, bytes_max=10_000, retry_first=timedelta(milliseconds=10)
)


def away() -> Recorder:
    """A recorder whose ClickHouse does not answer."""
    return Recorder(partial(connect, host="127.0.0.1", port=claim(0, setting="a free port")), BOUNDS)


def record(offset: int, size: int = 10) -> ConsumerRecord:
    return ConsumerRecord(
        topic="leads.events", partition=0, offset=offset, timestamp=0, timestamp_type=0, key=b"k", value=b"v" * size,
        checksum=None, serialized_key_size=1, serialized_value_size=size, headers=(),
    )  # fmt: skip


def put(recorder: Recorder, count: int, *, size: int = 10) -> int:
    return recorder.put(rows.FACTS, [("row",) * len(rows.FACTS.cells)] * count, [record(n, size) for n in range(count)], owner=recorder)


async def until_unavailable(step) -> str:
    while True:
        try:
            await step()
        except Unavailable as error:
            return str(error)


async def test_a_shard_learns_that_clickhouse_is_away_when_it_wants_to_commit():
    recorder = away()
    async with recorder.running():
        load = put(recorder, 1)
        with pytest.raises(Unavailable, match=r"ClickHouse at .* does not answer"):
            await recorder.written(load)


@pytest.mark.parametrize(("rows_each", "size"), [(10, 10), (1, 10_000)], ids=["by rows", "by bytes"])
async def test_at_most_two_loads_are_held(rows_each, size):
    recorder = away()
    async with recorder.running():
        first = put(recorder, rows_each, size=size)
        await until_unavailable(partial(recorder.written, first))  # it is being written, in vain
        await recorder.room()
        second = put(recorder, rows_each, size=size)
        assert second == first + 1
        assert "does not answer" in await until_unavailable(recorder.room)


async def test_what_only_an_operator_can_mend_is_told_to_every_shard_and_at_every_call(local_stack):
    host, port = local_stack.clickhouse_address
    with connect(host=host, port=port, database="recorder_tests") as other:
        recorder = Recorder(partial(connect, host=host, port=port, database="recorder_tests"), BOUNDS)
        async with recorder.running():
            await recorder.ready()
            other.command("DROP TABLE dead_letters")
            letter = DeadLetter(letter_id="l", received_at=0, hop="score", source="s", reason="r", detail="d", body=b"")
            load = recorder.put(rows.DEAD_LETTERS, [astuple(letter)], [record(0)], owner=recorder)
            for _ in range(2):
                with pytest.raises(Misconfigured, match="inserting into dead_letters: a table is missing"):
                    await recorder.written(load)
        other.command("DROP DATABASE recorder_tests")
