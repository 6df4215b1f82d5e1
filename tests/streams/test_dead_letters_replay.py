"""Dead letters put back in on real servers: one poison record stops nothing, and what is mended later counts once."""

import asyncio
import json
from contextlib import contextmanager
from dataclasses import replace

import aiohttp
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition
from msgspec.structs import replace as changed

from processors.model.file import shipped
from processors.sources.signatures import standard_key, standard_signature
from schemas import avro, inbox
from schemas.dead_letter import DeadLetter
from schemas.ids import derive
from schemas.inbox import Origin, TouchpointArrived
from sinks.clickhouse import connect
from sinks.migrate import migrate
from streams import clock, topics
from streams.broker import committed
from streams.provision import ensure_topics
from streams.publish import publish
from streams.score import read_model
from tests.processors.building import touch
from tests.streams.installed import call, installed, until

NOW = clock.now_ms()
READ = (*topics.TOUCHPOINTS, topics.INBOX, topics.EVENTS, topics.TRANSITIONS, topics.PROFILES, topics.DEAD_LETTERS)


class Here:
    """An installation with all its hops, its database, and the command line."""

    def __init__(self, made, client, leadstream):
        self.made = made
        self.names = made.settings.names
        self.kafka = made.settings.kafka
        self.clickhouse = client
        self.leadstream = leadstream

    def write(self, *records):
        """Write (topic, partition, key, value) each; return their offsets."""

        async def write():
            async with AIOKafkaProducer(bootstrap_servers=self.kafka) as producer:
                return [
                    (await producer.send_and_wait(self.names.topic(topic), value, key=key, partition=partition)).offset
                    for topic, partition, key, value in records
                ]

        return asyncio.run(write())

    def ends(self):
        """How far each partition that a hop reads has come."""
        tps = [TopicPartition(self.names.topic(topic), p) for topic in READ for p in range(topics.BY_NAME[topic].partitions)]

        async def ask():
            async with AIOKafkaConsumer(bootstrap_servers=self.kafka) as consumer:
                return await consumer.end_offsets(tps)

        return asyncio.run(ask())

    def settled(self):
        """Whether every hop has committed all that there is, and nothing came meanwhile."""
        ends = self.ends()
        groups = {
            "identify": topics.TOUCHPOINTS, "score": (topics.INBOX,), "deliver": set(READ) - {topics.INBOX},
        }  # fmt: skip

        async def behind():
            for hop, read in groups.items():
                tps = [tp for tp in ends if self.names.base(tp.topic) in read]
                done = await committed(self.kafka, self.names.group(hop), tps)
                # Profiles are written in transactions: the last offset there is a marker.
                marker = {tp: self.names.base(tp.topic) == topics.PROFILES for tp in tps}
                if any(ends[tp] and (tp not in done or done[tp].offset < ends[tp] - marker[tp]) for tp in tps):
                    return True
            return False

        return not asyncio.run(behind()) and self.ends() == ends

    def until_settled(self):
        until(self.settled, "the hops to handle everything")
        assert all(process.poll() is None for process in self.made.started), "a worker ended by itself"

    def ledger(self):
        (row,) = self.clickhouse.query("SELECT touchpoints, counted, duplicates, dead_lettered, waiting, unexplained, counted_twice FROM ledger")
        return row

    def rows(self, sql):
        return [tuple(row.values()) for row in self.clickhouse.query(sql)]

    def letters(self):
        """The letters of the topic by id, the newest of each."""
        tps = [TopicPartition(self.names.topic(topics.DEAD_LETTERS), p) for p in range(4)]

        async def read():
            found = {}
            async with AIOKafkaConsumer(bootstrap_servers=self.kafka, auto_offset_reset="earliest") as consumer:
                consumer.assign(tps)
                ends = await consumer.end_offsets(tps)
                while any([await consumer.position(tp) < ends[tp] for tp in tps]):
                    for records in (await consumer.getmany(timeout_ms=200)).values():
                        for record in records:
                            letter = avro.decode_dead_letter(record.value)
                            found[letter.letter_id] = letter
            return found

        return asyncio.run(read())

    def set_aside(self, *letters):
        self.write(*((topics.DEAD_LETTERS, 0, letter.source.encode(), avro.encode_dead_letter(letter)) for letter in letters))

    def replay(self, *how):
        said = self.leadstream("dead-letters", "replay", "--json", *how)
        assert said.code == 0, said.err
        return json.loads(said.out)


@pytest.fixture
def here(local_stack, request, capsys, monkeypatch):
    with _installed(local_stack, request, capsys, monkeypatch) as made:
        yield made


@contextmanager
def _installed(local_stack, request, capsys, monkeypatch):
    with installed(local_stack, f"dl{derive(request.node.name)[:12]}.") as made:
        s = made.settings
        ensure_topics(s.kafka, s.names)
        asyncio.run(publish(s.kafka, s.names, read_model(shipped("b2b"))))
        with connect(host=s.clickhouse_host, port=s.clickhouse_port, database=s.clickhouse_database) as client:
            migrate(client)
            yield Here(made, client, call(capsys, monkeypatch, s))


def balance(**other):
    return dict.fromkeys(("touchpoints", "counted", "duplicates", "dead_lettered", "waiting", "unexplained", "counted_twice"), 0) | other


def seen(name, **other):
    return touch("page_view", at=NOW - 60_000, event=name, **{"visitor_id": name} | other)


def back(*what):
    return [{"hop": hop, "reason": reason, "to": to, "records": records} for hop, reason, to, records in what]


def test_one_poison_record_of_each_kind_on_each_topic_stops_nothing(here):
    """Good, poison, good, in every partition that takes some; all good ones count and every poison record has one letter a hop."""
    here.made.start("work")
    before = [(topic, 0, b"v:a", avro.encode_touchpoint(seen(f"before {topic}", visitor_id="a"))) for topic in topics.TOUCHPOINTS]
    after = [(topic, 0, b"v:a", avro.encode_touchpoint(seen(f"after {topic}", visitor_id="a"))) for topic in topics.TOUCHPOINTS]
    poison = [b"\x00no record", b"\xc3\x01", b""]
    bad = [(topic, 0, b"\xff\xfe", value) for topic in READ for value in poison]
    bad += [(topic, 0, b"\xff\xfe", None) for topic in READ]
    bad += [(topic, 0, None, b"keyless") for topic in READ if topic != topics.PROFILES]  # compacted: Kafka itself wants a key
    bad += [
        (topics.WEB, 0, None, avro.encode_touchpoint(touch(visitor_id=None, event="nobody"))),
        (topics.INBOX, 0, None, inbox.encode(TouchpointArrived(Origin(0, 10**9, 0), touch()))),
        (topics.INBOX, 0, b"nobody", inbox.encode(TouchpointArrived(Origin(0, 10**9, 0), touch()))),
        (topics.WEB, 0, b"v:a", avro.encode_touchpoint(changed(seen("x", visitor_id="a"), event_id="no hex"))),
    ]
    here.write(*before, *bad, *after)
    here.until_settled()
    assert here.rows("SELECT count() FROM facts_once WHERE fact = 'touchpoint_counted'") == [(8,)]
    said = here.leadstream("dead-letters", "ls", "--json", "--max", "1000")
    found = {(each["hop"], each["reason"]) for each in map(json.loads, said.out.splitlines())}
    assert found == {
        ("identify", "undecodable"), ("identify", "no_identity"), ("deliver", "undecodable"),
        ("score", "undecodable"), ("score", "no_lead"), ("score", "no_event_id"),
    }  # fmt: skip


def test_a_worker_stops_with_78_and_a_sentence_when_too_much_is_unusable_and_goes_on_where_it_stopped_once_it_may(here):
    bad = [(topics.WEB, 2, b"k", b"rubbish")] * 8
    here.write(*bad)
    strict = here.made.start("work", "--hops", "identify", dead_letters_in_a_row_max=5)
    out, _ = strict.communicate(timeout=60)
    here.made.started.clear()
    assert strict.returncode == 78
    assert f"hop identify: {here.names.topic(topics.WEB)}[2] at offset 5: more than 5 records in a row were unusable" in out.splitlines()[-1]
    assert here.letters() == {}, "nothing was drained"
    here.made.start("work")
    here.write((topics.WEB, 2, b"v:a", avro.encode_touchpoint(seen("good"))))
    here.until_settled()
    assert sum(letter.hop == "identify" for letter in here.letters().values()) == 8
    assert here.ledger() == balance(touchpoints=9, counted=1, dead_lettered=8)


async def post(address, body, secret):
    seconds = str(clock.now_ms() // 1000)
    signed = standard_signature(body, "m", seconds, key=standard_key(secret))
    headers = {"webhook-id": "m", "webhook-timestamp": seconds, "webhook-signature": signed}
    async with aiohttp.ClientSession() as client, client.post(f"{address}/v1/events", data=body, headers=headers) as answer:
        return answer.status


def test_what_the_collector_refused_counts_once_when_its_setting_is_mended(here):
    """A body of three events where one was let in; later more are."""
    from streams.collect import serve

    events = [{"id": n, "kind": kind, "at": NOW - 1000, "visitor_id": "ann"} for n, kind in enumerate(("page_view", "deal_won", "nonsense"))]
    body = json.dumps({"events": events}).encode()

    async def refused():
        async with serve(replace(here.made.settings, events_per_body_max=1)) as collector:
            while (status := await post(collector.address, body, here.made.settings.events_secret)) == 503:
                await asyncio.sleep(0.1)
            return status

    assert asyncio.run(refused()) == 413
    ends = here.ends()
    plan = here.replay("--hop", "collect")
    assert plan["done"] is False
    assert plan["back"] == back(("collect", "too_many_events", "touchpoints.crm", 1), ("collect", "too_many_events", "touchpoints.web", 1))
    assert [(each["why"], each["events"]) for each in plan["stays"]] == [("unknown_kind", 1)]
    assert here.ends() == ends, "a look changes nothing"
    assert here.replay("--hop", "collect", "--yes") == plan | {"done": True}
    here.made.start("work")
    here.until_settled()
    assert here.ledger() == balance(touchpoints=2, counted=2)
    assert here.replay("--reason", "too_many_events", "--yes")["back"] == plan["back"]
    here.until_settled()
    assert here.ledger() == balance(touchpoints=4, counted=2, duplicates=2)
    assert len(here.letters()) == 1, "no new letter was written"
    assert here.rows("SELECT uniqExact(received_at) FROM touchpoints_once") == [(1,)]


def mended(letter, value):
    """The letter of bytes that this release reads: as if the one that set them aside had not."""
    return changed(letter, body=value, key=b"v:ann")


def test_what_identify_could_not_read_counts_once_when_a_release_can(here):
    here.made.start("work")
    here.write((topics.ADS, 5, b"v:ann", b"\xc3\x01 not yet known"))
    here.until_settled()
    assert here.ledger() == balance(touchpoints=1, dead_lettered=1)
    assert here.replay()["back"] == []
    assert {(each["hop"], each["why"]) for each in here.replay("--yes")["stays"]} == {("identify", "undecodable"), ("deliver", "undecodable")}
    here.set_aside(*(mended(letter, avro.encode_touchpoint(seen("ann"))) for letter in here.letters().values()))
    assert here.replay("--hop", "identify", "--yes")["back"] == back(("identify", "undecodable", "touchpoints.ads", 1))
    here.until_settled()
    assert here.ledger() == balance(touchpoints=2, counted=1, dead_lettered=1)
    assert here.rows("SELECT partition, offset FROM touchpoints_once") == [(5, 1)]
    everything = here.replay("--yes")
    assert everything["back"] == back(("deliver", "undecodable", "ClickHouse touchpoints", 1), ("identify", "undecodable", "touchpoints.ads", 1))
    here.until_settled()
    assert here.ledger() == balance(touchpoints=3, counted=1, duplicates=1, dead_lettered=1)
    assert here.rows("SELECT offset FROM touchpoints_once ORDER BY offset") == [(0,), (1,), (2,)]


def test_what_score_could_not_read_counts_once_at_the_lead_it_was_for_though_another_has_passed_it_on(here):
    """ann turned out to be an address; her next touchpoint was passed on to it, and set aside there.

    Put back under `v:ann` it would be a duplicate: that lead has passed it on. Under the address it counts.
    """
    address = "a" * 32
    lead = f"e:{address}".encode()
    here.made.start("work")
    here.made.send([seen("first", visitor_id="ann", email_hash=address)])
    here.until_settled()
    here.made.send([seen("second", visitor_id="ann")])
    here.until_settled()
    assert here.rows("SELECT lead_id, count() FROM facts_once WHERE fact = 'touchpoint_counted' GROUP BY lead_id") == [(lead.decode(), 2)]
    passed_on = seen("third", visitor_id="ann")
    partition = topics.partition_of(lead, 8)
    (offset,) = here.write((topics.INBOX, partition, lead, b"\x09unknown"))
    here.until_settled()
    (letter,) = [each for each in here.letters().values() if each.hop == "score"]
    assert (letter.partition, letter.offset, letter.model) == (partition, offset, "b2b@1")
    log = topics.log_number(topics.INBOX, topics.partition_of(b"v:ann", 8))
    here.set_aside(changed(letter, body=inbox.encode(TouchpointArrived(Origin(log, 0, 0), passed_on))))
    for _ in range(2):
        assert here.replay("--hop", "score", "--yes")["back"] == back(("score", "undecodable", "touchpoints.web", 1))
        here.until_settled()
    facts = here.rows(f"SELECT fact, count() FROM facts_once WHERE lead_id = '{lead.decode()}' AND event_id = '{passed_on.event_id}' GROUP BY fact ORDER BY fact")
    assert facts == [("touchpoint_counted", 1), ("touchpoint_duplicated", 1)]
    ledger = here.ledger()
    assert (ledger["counted"], ledger["duplicates"], ledger["dead_lettered"]) == (3, 1, 1)
    assert (ledger["unexplained"], ledger["counted_twice"]) == (0, 0)


def test_a_touchpoint_that_clickhouse_refused_has_its_row_when_the_table_is_mended_and_counts_once(here):
    here.clickhouse.command("ALTER TABLE touchpoints ADD CONSTRAINT no_views CHECK kind != 'page_view'")
    here.made.start("work")
    here.made.send([seen("ann"), seen("bob"), touch("demo_booked", at=NOW, event="demo", visitor_id="ann")])
    here.until_settled()
    assert here.ledger() == balance(touchpoints=3, counted=3), "it is counted though its row is missing"
    refused = here.replay("--yes")
    assert (refused["back"], [(each["why"], each["events"]) for each in refused["stays"]]) == ([], [("refused_by_clickhouse", 2)])
    here.clickhouse.command("ALTER TABLE touchpoints DROP CONSTRAINT no_views")
    ends = here.ends()
    for _ in range(2):
        assert here.replay("--yes")["back"] == back(("deliver", "refused_by_clickhouse", "ClickHouse touchpoints", 2))
        assert here.rows("SELECT count(), uniqExact(event_id) FROM touchpoints_once") == [(3, 3)]
        assert here.ledger() == balance(touchpoints=3, counted=3)
    assert here.ends() == ends, "rows do not go through Kafka"


def hundred(here):
    return [
        DeadLetter(
            letter_id=derive(str(n)), received_at=NOW + n, hop="identify", source=here.names.topic(topics.WEB), reason="no_identity" if n % 2 else "undecodable",
            detail="", topic=here.names.topic(topics.WEB), partition=0, offset=n, key=b"v:a", body=avro.encode_touchpoint(seen(str(n), visitor_id="a")),
        )
        for n in range(100)
    ]  # fmt: skip


def test_no_more_than_max_are_put_back_the_oldest_first_and_a_look_changes_nothing(here):
    letters = hundred(here)
    here.set_aside(*letters)
    ends = here.ends()
    web = TopicPartition(here.names.topic(topics.WEB), 0)
    assert (here.replay()["letters"], here.replay("--max", "7")["letters"], here.replay("--max", "7")["more"]) == (100, 7, 93)
    assert here.replay("--reason", "no_identity")["letters"] == 50
    assert here.replay("--source", "segment")["letters"] == here.replay("--since", "2099-01-01")["letters"] == 0
    assert here.replay(letters[40].letter_id[:10])["letters"] == 1
    assert here.ends() == ends
    assert here.replay("--max", "7", "--yes")["letters"] == 7
    assert here.ends() == ends | {web: 7}
    assert here.replay(letters[40].letter_id, "--yes")["letters"] == 1

    async def events():
        async with AIOKafkaConsumer(bootstrap_servers=here.kafka, auto_offset_reset="earliest") as consumer:
            consumer.assign([web])
            return [avro.decode_touchpoint((await consumer.getone(web)).value).event_id for _ in range(8)]

    assert asyncio.run(events()) == [seen(str(n)).event_id for n in (*range(7), 40)]


def test_people_are_told_what_would_be_done_and_how_to_do_it(here):
    here.set_aside(*hundred(here)[:3], changed(hundred(here)[5], body=b"rubbish"))
    said = here.leadstream("dead-letters", "replay", "--max", "10")
    assert said.code == 0
    assert "would go to" in said.out
    assert "stays, for" in said.out
    assert "4 letters: 3 records would go back, 1 of no use still. Nothing was changed: add --yes to do it" in said.err
    assert "undecodable: starts with" in said.err
    assert "rubbish" not in said.out + said.err
    done = here.leadstream("dead-letters", "replay", "--max", "3", "--yes")
    assert "went to" in done.out
    assert done.err == "3 letters: 3 records went back, 0 of no use still\n1 letter more were chosen than --max 3: raise it, or narrow the choice\n"


def test_a_letter_that_is_not_there_is_a_no(here):
    said = here.leadstream("dead-letters", "replay", "zz", "--yes")
    assert (said.code, said.out, said.err) == (1, "", "no dead letter has an id beginning with 'zz'\n")


def test_with_clickhouse_away_nothing_at_all_is_done(here, capsys, monkeypatch):
    row = changed(hundred(here)[0], hop="deliver", letter_id=derive("row"))
    here.set_aside(*hundred(here)[:3], row)
    ends = here.ends()
    said = call(capsys, monkeypatch, replace(here.made.settings, clickhouse_port=1))("dead-letters", "replay", "--yes")
    assert said.code == 69
    assert "ClickHouse at 127.0.0.1:1" in said.err
    assert here.ends() == ends
