"""Whether what an engine wrote is right: a fast wrong answer is no answer."""

from collections import Counter

from schemas import inbox
from schemas.avro import decode_fact
from schemas.inbox import TouchpointArrived
from streams import topics
from tests.bench import floor, kafka_streams_build
from tests.bench.answer import Expected, answer_of, sums_difference
from tests.bench.input import PARTITIONS, Input, Sent, lead_of
from tests.bench.logs import read
from tests.bench.rows import Place, Row


async def wrong(row: Row, place: Place, traffic: Input, expected: Expected | None) -> str | None:
    """What is wrong with the output of a run; None: nothing."""
    topic = place.prefix + row.output
    records = [record async for record in read(place.bootstrap, topic)]
    if row.hop == "decode":
        return _tallies([record.value for record in records], traffic)
    if row.hop == "identify":
        return _mail([Sent(record.partition, record.key, record.value) for record in records], traffic)
    assert expected is not None
    found = answer_of(decode_fact(record.value).fact for record in records)
    if why := expected.answer.difference(found):
        return why
    return await _store(place, expected) if row.engine == "Kafka Streams" else None


def _tallies(values: list[bytes], traffic: Input) -> str | None:
    expected = (len(traffic.touchpoints), sum(each.received_at for each in traffic.touchpoints))
    last = floor.Tally.unpack(values[-1]) if values else None
    return None if last == expected else f"decoded {last}, expected {expected}"


def _mail(sent: list[Sent], traffic: Input) -> str | None:
    """Every touchpoint went to its lead, whole; a re-sent one twice."""
    found: Counter[tuple[bytes, int, str]] = Counter()
    for each in sent:
        record = inbox.decode(each.value)
        if not isinstance(record, TouchpointArrived):
            return f"a {type(record).__name__} in the inbox"
        found[(each.key, each.partition, repr(record.touchpoint))] += 1
    expected: Counter[tuple[bytes, int, str]] = Counter()
    for touchpoint in traffic.touchpoints:
        key = lead_of(touchpoint).encode()
        expected[(key, topics.partition_of(key, PARTITIONS), repr(touchpoint))] += 1
    lost, more = expected - found, found - expected
    return f"{lost.total()} touchpoints lost or changed, {more.total()} too many" if lost or more else None


async def _store(place: Place, expected: Expected) -> str | None:
    """The peer on the JVM decides from sums of its own: they must be the fold's too."""
    held = {record.key.decode(): record.value async for record in read(place.bootstrap, place.prefix + kafka_streams_build.CHANGELOG)}
    if held.keys() != expected.answer.leads.keys():
        return f"{len(held)} leads in its store, expected {len(expected.answer.leads)}"
    for lead_id, lead in expected.answer.leads.items():
        if why := sums_difference(lead.engagement, kafka_streams_build.sums_of(held[lead_id])):
            return f"{lead_id} in its store: {why}"
    return None
