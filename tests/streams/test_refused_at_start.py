"""What no restart would mend is refused, in one sentence that says what to do, with exit code 78; real processes on Kafka."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.structs import TopicPartition

from schemas import inbox, state
from schemas.avro import encode_touchpoint
from schemas.inbox import Origin, TouchpointArrived
from schemas.lead import Lead
from schemas.registry import MAGIC
from schemas.state import Mailbox
from streams import topics
from streams.broker import committed
from streams.probe import ask
from streams.provision import ensure_topics
from tests.processors.building import touch
from tests.streams.installed import address_in, ends_by, installed, until

UNKNOWN = MAGIC + bytes.fromhex("0011223344556677") + b"body"
CHANGE_NOTHING = "counts never change: start a new installation (LEADSTREAM_PREFIX) and replay into it, or restore the topics"


@pytest.fixture
def here(local_stack, request):
    with installed(local_stack, f"refused{abs(hash(request.node.name)) % 10**6}.") as made:
        yield made


@pytest.fixture
def ready(here):
    """An installation whose topics exist."""
    ensure_topics(here.settings.kafka, here.settings.names)
    return here


def administer(here, do):
    async def run():
        admin = AIOKafkaAdminClient(bootstrap_servers=here.settings.kafka)
        await admin.start()
        try:
            await do(admin)
        finally:
            await admin.close()

    asyncio.run(run())


def write(here, topic, records, **settings):
    """Write (partition, key, value) each; in one transaction if *settings* name its id."""

    async def run():
        async with AIOKafkaProducer(bootstrap_servers=here.settings.kafka, **settings) as producer:
            if settings:
                await producer.begin_transaction()
            for partition, key, value in records:
                await producer.send_and_wait(here.settings.names.topic(topic), value, key=key, partition=partition)
            if settings:
                await producer.commit_transaction()

    asyncio.run(run())


def refusal(here, *argv, **others):
    """The sentence by which a command refuses to run."""
    out, _ = (process := here.start(*argv, **others)).communicate(timeout=60)
    assert process.returncode == 78, out
    assert "Traceback" not in out
    return [line for line in out.splitlines() if " ERROR " in line][-1]


def starts(here, *argv):
    """Expect the command to become ready, and to end in order."""
    process = here.start(*argv)
    address = address_in(process, "/metrics at ")
    until(lambda: all("no scoring model" in each for each in ask(f"{address}/ready").problems), "it to be ready")
    code, out = ends_by(process)
    assert code == 0, out


# ---- topics of another shape -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("argv", [("work", "--hops", "identify"), ("sink",), ("collect",)], ids=lambda argv: argv[0])
def test_a_topic_with_another_number_of_partitions_is_refused_by_all_who_use_it(here, argv):
    name = here.settings.names.topic(topics.WEB)
    administer(here, lambda admin: admin.create_topics([NewTopic(name, 3, 1)]))
    with pytest.raises(Exception, match=f"{name} has 3 partitions, the topology says 8") as told:
        ensure_topics(here.settings.kafka, here.settings.names)
    said = refusal(here, *argv)
    assert f"{name} has 3 partitions, the topology says 8. A lead's log is one partition for life, so {CHANGE_NOTHING}" in said
    assert str(told.value) in said


def test_a_collector_that_runs_takes_nothing_while_a_topic_has_another_number_of_partitions_and_lives(ready):
    process = ready.start("collect")
    address = address_in(process, "/metrics at ")
    until(lambda: ask(f"{address}/ready").problems == (), "the collector to be ready")
    name = ready.settings.names.topic(topics.CRM)
    administer(ready, lambda admin: admin.create_partitions({name: NewPartitions(9)}))
    until(lambda: any(f"{name} has 9 partitions, the topology says 8" in each for each in ask(f"{address}/ready").problems), "/ready to say so")
    assert ask(f"{address}/live").problems == ()
    assert ends_by(process)[0] == 0


# ---- written by a newer release ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hop", "reader"), [("identify", "the hop identify"), ("deliver", "the hop deliver")])
def test_touchpoints_that_all_come_under_an_unknown_schema_stop_the_start(ready, hop, reader):
    ready.send([touch("page_view")])  # before the collectors were upgraded
    write(ready, topics.WEB, [(partition, b"v:ann", UNKNOWN) for partition in (*range(8), 0)])
    said = refusal(ready, "work", "--hops", hop)
    assert f"{ready.settings.names.topic(topics.WEB)} is being written under a schema of fingerprint 0011223344556677" in said
    assert f"Upgrade what reads it, such as {reader} here, before what writes it" in said


def test_an_inbox_that_is_written_in_a_higher_version_stops_the_start_though_its_newest_offsets_are_markers(ready):
    for n in range(3):
        write(ready, topics.INBOX, [(2, b"v:ann", b"\x02news"), (5, b"v:ben", b"\x02news")], transactional_id=f"{ready.settings.prefix}{n}")
    said = refusal(ready, "work", "--hops", "score")
    assert f"{ready.settings.names.topic(topics.INBOX)} is being written under version 2 of the inbox's records (it reads 1)" in said


def test_single_records_of_an_unknown_schema_are_poison_and_stop_no_start(ready):
    write(ready, topics.ADS, [(0, b"v:ann", UNKNOWN)])  # alone
    ready.send([touch("page_view", visitor_id=f"{n}") for n in range(20)], (b"v:ann", UNKNOWN))  # newest in one partition
    starts(ready, "work", "--hops", "identify")


def test_a_partition_in_which_nothing_but_a_marker_is_left_stops_no_start(ready):
    write(ready, topics.INBOX, [(2, b"v:ann", b"\x02news"), (2, b"v:ann", b"\x02news")], transactional_id=ready.settings.prefix)
    tp = TopicPartition(ready.settings.names.topic(topics.INBOX), 2)
    administer(ready, lambda admin: admin.delete_records({tp: RecordsToDelete(before_offset=2)}))
    starts(ready, "work", "--hops", "score")


# ---- states that cannot be read ----------------------------------------------------------------------------------------

WAY_OUT = "run the release that wrote it, or rebuild the state by replaying the inbox under a new epoch"
GOOD = state.encode_mailbox(Mailbox(lead=Lead()))


def changelog(here, value):
    """Put a state into the changelog, as a worker does: with the group's offset."""

    async def commit():
        tp = TopicPartition(here.settings.names.topic(topics.INBOX), 3)
        group = here.settings.names.group("score")
        async with AIOKafkaConsumer(bootstrap_servers=here.settings.kafka, group_id=group, enable_auto_commit=False) as consumer:
            consumer.assign([tp])
            await consumer.commit({tp: 0})

    write(here, topics.STATE, [(3, b"v:ann", value)])
    asyncio.run(commit())
    return f"{here.settings.names.topic(topics.STATE)}[3]: a record of the state changelog ({len(value)} bytes) "


def test_a_state_of_another_version_is_refused_at_the_start(ready):
    where = changelog(ready, b"\x04" + GOOD[1:])
    assert f"{where}has version 4, this release reads versions 1 to 3: {WAY_OUT}" in refusal(ready, "work", "--hops", "score")


def test_a_state_whose_content_cannot_be_read_stops_the_hop_at_its_lead_s_first_mail_and_nothing_is_committed(ready):
    where = changelog(ready, GOOD[:9] + b"\xc1 a-secret")
    starts(ready, "work", "--hops", "score")
    mail = inbox.encode(TouchpointArrived(Origin(0, 0, 0), touch("page_view")))
    write(ready, topics.INBOX, [(3, b"v:ben", mail), (3, b"v:ann", mail)])
    for _ in range(2):  # at every start again
        said = refusal(ready, "work", "--hops", "score")
        assert f"{where}does not decode (DecodeError): {WAY_OUT}" in said
        assert "a-secret" not in said
    tp = TopicPartition(ready.settings.names.topic(topics.INBOX), 3)
    assert asyncio.run(committed(ready.settings.kafka, ready.settings.names.group("score"), [tp]))[tp].offset == 0


def test_an_inbox_that_was_deleted_and_made_anew_stops_the_start_where_there_are_states(ready):
    changelog(ready, GOOD)
    starts(ready, "work", "--hops", "score")
    name = ready.settings.names.topic(topics.INBOX)

    async def delete(admin):
        await admin.delete_topics([name])
        while name in await admin.list_topics():
            await asyncio.sleep(0.1)

    administer(ready, delete)
    ensure_topics(ready.settings.kafka, ready.settings.names)
    said = refusal(ready, "work", "--hops", "score")
    assert f"{name}[3]: the group {ready.settings.names.group('score')} has no offset, though there are states" in said
    assert "Set the group's offset by hand to say where to go on, or start a new installation (LEADSTREAM_PREFIX)" in said


def test_a_touchpoint_of_this_release_is_none_of_a_newer_one():
    from schemas import avro

    assert avro.newer(encode_touchpoint(touch("page_view"))) is None
    assert avro.newer(UNKNOWN) == "a schema of fingerprint 0011223344556677"
    assert [avro.newer(value) for value in (None, b"", MAGIC, b"\x00garbage-without-magic")] == [None] * 4
