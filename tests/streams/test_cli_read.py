"""Commands that read, on an installation whose topics were filled by the real hops."""

import asyncio
import json
import re
import signal
import time

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from processors.email import email_hash
from processors.model.file import shipped
from schemas.avro import decode_fact, encode_fact
from streams import topics
from streams.broker import committed
from streams.errors import Unavailable
from streams.kafka import restore
from streams.provision import ensure_topics
from streams.publish import publish
from streams.score import read_model
from tests.processors.building import DAY_MS, touch
from tests.streams.installed import call, installed, until

NOW = int(time.time() * 1000)
ANN = "e:" + email_hash("ann@example.com", b"leadstream-local-identity-key")


def history():
    """Ann reads, downloads and books a demo, and turns out to be an address; Bob reads; Imp's history waits for its import."""
    ann = {"visitor_id": "ann"}
    return [
        touch("page_view", at=NOW - 20 * DAY_MS, event="1", properties={"path": "/pricing"}, **ann),
        touch("page_view", at=NOW - 19 * DAY_MS, event="2", properties={"path": "/blog/\x1b[31mred"}, channel="paid_search", **ann),
        touch("ebook_downloaded", at=NOW - 15 * DAY_MS, event="3", email_hash=ANN[2:], profile={"role": "c_level", "country": "DE"},
              contact={"email": "ann@example.com"}, **ann),
        touch("demo_booked", at=NOW - 10 * DAY_MS, event="4", campaign="spring", channel="email", **ann),
        touch("demo_booked", at=NOW - 10 * DAY_MS, event="4", campaign="spring", channel="email", **ann),
        touch("page_view", at=NOW - DAY_MS, event="5", visitor_id="bob"),
        touch("page_view", at=NOW - 400 * DAY_MS, event="6", visitor_id="imp", import_id="crm-2020"),
    ]  # fmt: skip


def decided(here) -> bool:
    """Whether the score hop has decided all of the inbox."""
    names, kafka = here.settings.names, here.settings.kafka

    async def look() -> bool:
        boxes = {}
        for partition in range(8):
            boxes |= await restore(kafka, names.topic(topics.STATE), partition)
        tps = [TopicPartition(names.topic(topics.INBOX), p) for p in range(8)]
        done = await committed(kafka, names.group("score"), tps)
        return {b"v:imp", b"v:bob", b"v:ann", ANN.encode()} <= boxes.keys() and len(done) == 8

    try:
        return asyncio.run(look())
    except Unavailable:  # a broker on which no group has ever been
        return False


@pytest.fixture(scope="module")
def here(local_stack):
    with installed(local_stack, "read.") as made:
        ensure_topics(made.settings.kafka, made.settings.names)
        asyncio.run(publish(made.settings.kafka, made.settings.names, read_model(shipped("b2b"))))
        made.send(history(), (b"v:bad", b"not avro \x1b[2J"))
        worker = made.start("work", "--hops", "identify,score")
        until(lambda: decided(made), "the hops to decide the history")
        assert worker.poll() is None
        made.stop()
        yield made


@pytest.fixture
def leadstream(here, capsys, monkeypatch):
    return call(capsys, monkeypatch, here.settings)


def rows(said):
    return [json.loads(line) for line in said.out.splitlines()]


ALL = ("--from-beginning", "--no-follow")


def test_every_topic_is_read_in_words_and_as_json(leadstream):
    for topic in topics.BY_NAME:
        words = leadstream("tail", topic, *ALL)
        values = leadstream("tail", topic, *ALL, "--json")
        assert words.code == values.code == 0
        assert len(words.out.splitlines()) == len(rows(values)), topic
        assert ("undecodable: starts" in words.out) == (topic in (topics.WEB, topics.DEAD_LETTERS)), topic
    assert len(rows(leadstream("tail", "touchpoints", *ALL, "--json"))) == 8


def test_a_record_that_cannot_be_read_is_shown_as_such_and_the_reading_goes_on(leadstream):
    words = leadstream("tail", "touchpoints.web", *ALL).out.splitlines()
    assert len(words) == 8
    assert next(line for line in words if "v:bad" in line).endswith(
        "undecodable: starts with 6e6f instead of c301, expected leadstream.Touchpoint in Avro's single-object encoding"
    )
    bad = next(each for each in rows(leadstream("tail", "touchpoints.web", *ALL, "--json")) if each["key"] == "v:bad")
    assert "value" not in bad
    assert bad["undecodable"].startswith("starts with 6e6f")


def test_what_a_visitor_sent_cannot_steer_the_terminal_and_its_contact_is_left_out(leadstream):
    said = leadstream("tail", "touchpoints.web", *ALL).out
    assert "/blog/\\x1b[31mred" in said
    assert "\x1b" not in said
    assert "ann@example.com" not in said


def test_transitions_are_told_with_stage_reason_score_and_instant(leadstream):
    lines = leadstream("tail", "transitions", *ALL).out.splitlines()
    assert [re.sub(r"^.*?  e:\w+  | score [\d.]+|  \[.*\]$", "", line) for line in lines] == [
        "visitor > mql (conversion ebook),, grade C by direct",
        "mql > sql (conversion demo_booked),, grade C by email",
    ]


def test_filters_lead_and_max_choose_records(leadstream):
    def chosen(*how):
        return rows(leadstream("tail", "events", *ALL, "--json", *how))

    def facts(*how):
        return [each["value"]["fact"] for each in chosen(*how)]

    assert facts("--filter", "to_stage=sql") == ["stage_changed"]
    assert facts("--filter", "fact=touchpoint_*", "--filter", "kind=demo_booked") in (
        ["touchpoint_counted", "touchpoint_duplicated"], ["touchpoint_duplicated", "touchpoint_counted"],
    )
    assert {each["key"] for each in chosen("--lead", "ann@example.com")} == {ANN}
    assert {each["key"] for each in chosen("--lead", "v:bob")} == {"v:bob"}
    assert chosen("--lead", "v:nobody") == []
    assert len(chosen("--max", "3")) == 3
    assert len(rows(leadstream("tail", "inbox", *ALL, "--json", "--filter", "touchpoint.kind=demo_booked"))) == 3
    assert len(rows(leadstream("tail", "web", *ALL, "--json", "--filter", "properties.path=/pri*"))) == 1


def test_tail_begins_near_the_end_unless_told_otherwise(leadstream):
    all_of_it = rows(leadstream("tail", "inbox", *ALL, "--json"))
    newest = rows(leadstream("tail", "inbox", "--no-follow", "--last", "1", "--json"))
    ends = {partition: max(each["offset"] for each in all_of_it if each["partition"] == partition) for partition in range(8)}
    assert {each["partition"]: each["offset"] for each in newest} == ends
    assert leadstream("tail", "inbox", "--no-follow", "--last", "0").out == ""


def test_a_lead_is_found_by_its_address_and_explained(leadstream):
    said = leadstream("lead", "Ann@Example.com ")
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0] == f"{ANN}; also v:ann"
    assert lines[1].startswith("sql since ")
    why = next(line for line in lines if line.startswith("Why sql?"))
    assert "it moved here from mql: the conversion demo_booked by email; score " in why
    assert any("it cools down to mql, if nothing else happens" in line for line in lines)
    assert "            customer  by deal_won" in lines
    assert "Last touch" in said.out and "by email, campaign spring" in said.out
    assert re.search(r"^demo_booked +\+\d\d\.\d +\+80\.0 +1 +90d", said.out, re.MULTILINE)
    assert "Fit 40 of 100, grade C: decides +30, our_countries +10" in said.out
    assert "visitor > mql (conversion ebook)" in said.out
    assert "Last facts, from leads.events" in said.out
    assert "(as v:ann)" in said.out


def test_a_lead_that_turned_out_to_be_another_is_followed_there(leadstream):
    assert leadstream("lead", "v:ann").out.splitlines()[0] == f"{ANN}, which v:ann turned out to be"
    by_visitor = json.loads(leadstream("lead", "v:ann", "--json").out)
    by_address = json.loads(leadstream("lead", "ann@example.com", "--json").out)
    assert by_visitor["through"] == ["v:ann"]
    assert by_visitor["lead_id"] == by_address["lead_id"] == ANN
    assert by_visitor["transitions"] == by_address["transitions"]


def test_the_points_of_a_lead_add_up_to_its_score_and_fade(leadstream):
    said = json.loads(leadstream("lead", "ann@example.com", "--json").out)
    assert sum(each["now"] for each in said["points"]) == pytest.approx(said["score"])
    assert sum(each["at_last_news"] for each in said["points"]) == pytest.approx(said["score_at_last_news"])
    for each in said["points"]:
        faded = 2 ** ((said["last_news_at"] - said["now"]) / 1000 / each["half_life_s"])
        assert each["now"] == pytest.approx(each["at_last_news"] * faded)
    assert said["score"] < said["score_at_last_news"]
    assert [each["to_stage"] for each in said["transitions"]] == ["mql", "sql"]


def test_a_lead_that_has_not_moved_is_told_what_would_move_it(leadstream):
    said = leadstream("lead", "v:bob").out
    assert "Why visitor?  it has not moved yet" in said
    assert re.search(r"What next\?  mql       by ebook, newsletter, ", said)
    assert re.search(r"at a score of 40 with grade B: needs 3\d\.\d points more and a better grade than D", said)


def test_a_lead_whose_import_is_open_tells_what_waits(leadstream):
    said = leadstream("lead", "v:imp")
    assert said.code == 0
    assert "1 touchpoint waits for import crm-2020 to get there" in said.out
    assert json.loads(leadstream("lead", "v:imp", "--json").out)["waiting"] == 1


def test_an_unknown_lead_is_a_no(leadstream):
    said = leadstream("lead", "nobody@example.com")
    assert (said.code, said.out) == (1, "")
    assert said.err == "no lead nobody@example.com is known: nothing of it has been decided yet, or it is written otherwise\n"


def test_dead_letters_are_listed_with_reason_and_position_but_without_their_body(leadstream):
    said = leadstream("dead-letters", "ls")
    assert said.code == 0
    assert "undecodable" in said.out
    assert said.err == "1 dead letter: undecodable 1\n"
    (letter,) = rows(leadstream("dead-letters", "ls", "--json", "--since", "1h"))
    assert (letter["hop"], letter["reason"], letter["body_bytes"]) == ("identify", "undecodable", 13)
    assert letter["topic"].endswith("touchpoints.web")
    assert "not avro" not in said.out


@pytest.mark.parametrize(("how", "found"), [
    (("--hop", "identify"), 1), (("--hop", "score"), 0), (("--reason", "undecodable"), 1), (("--reason", "other"), 0),
    (("--source", "read.touchpoints.web"), 1), (("--source", "segment"), 0), (("--since", "2099-01-01"), 0), (("--since", "2020-01-01T12:00"), 1),
    (("--max", "0"), 0),
])  # fmt: skip
def test_dead_letters_are_chosen_by(leadstream, how, found):
    assert len(rows(leadstream("dead-letters", "ls", "--json", *how))) == found


def test_a_dead_letter_is_shown_by_the_beginning_of_its_id_and_its_body_only_when_asked_for(leadstream):
    (letter,) = rows(leadstream("dead-letters", "ls", "--json"))
    shown = leadstream("dead-letters", "show", letter["letter_id"][:6])
    assert shown.code == 0
    assert "not avro" not in shown.out
    assert leadstream("dead-letters", "show", letter["letter_id"], "--body").out.endswith("\n\nnot avro \\x1b[2J\n")
    assert json.loads(leadstream("dead-letters", "show", letter["letter_id"], "--body", "--json").out)["body"] == "not avro \x1b[2J"


def test_the_original_bytes_of_a_dead_letter_can_be_had(here, leadstream):
    (letter,) = rows(leadstream("dead-letters", "ls", "--json"))
    process = here.start("dead-letters", "show", letter["letter_id"], "--raw")
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "not avro \x1b[2J")


def test_a_dead_letter_that_is_not_there_is_a_no(leadstream):
    said = leadstream("dead-letters", "show", "zz")
    assert (said.code, said.out, said.err) == (1, "", "no dead letter has an id beginning with 'zz'\n")


def test_the_model_in_force_is_shown_in_words_and_as_its_file(leadstream):
    assert leadstream("model", "show").out.startswith("Scoring model b2b, version 1\n")
    assert leadstream("model", "show", "--yaml").out == shipped("b2b")
    assert json.loads(leadstream("model", "show", "--json").out)["in_force"] == "b2b@1"
    missing = leadstream("model", "show", "--version", "b2b@9")
    assert (missing.code, missing.err) == (1, "no model b2b@9 was published, there are b2b@1\n")


def test_a_model_is_compared_with_the_published_one(leadstream, tmp_path):
    changed = tmp_path / "mine.yaml"
    changed.write_text(shipped("b2b").replace("half_life: 90d", "half_life: 80d"))
    said = leadstream("model", "check", str(changed), "--against", "published")
    assert said.code == 1
    assert "b2b@1 was published with other content: raise its version" in said.out
    changed.write_text(changed.read_text().replace("version: 1\n", "version: 2\n"))
    assert leadstream("model", "check", str(changed), "--against", "published").code == 0


def test_a_replay_tells_the_same_facts_and_transitions_and_goes_on_where_it_stopped(leadstream):
    said = json.loads(leadstream("replay", "twice", "--check", "--json").out)
    assert said["different"] == 0
    assert said["same"]["leads.transitions"] == 2
    assert said["same"]["leads.events"] == len(rows(leadstream("tail", "events", *ALL, "--json")))
    assert said["outcomes"]["duplicate"] == 1
    assert leadstream("replay", "twice", "--check").out.startswith("0 records of the inbox decided anew\n")
    replayed = rows(leadstream("tail", "transitions", *ALL, "--json", "--replay", "twice"))
    assert [each["value"] for each in replayed] == [each["value"] for each in rows(leadstream("tail", "transitions", *ALL, "--json"))]


async def record_at(kafka, topic, partition, offset):
    async with AIOKafkaConsumer(bootstrap_servers=kafka) as consumer:
        tp = TopicPartition(topic, partition)
        consumer.assign([tp])
        consumer.seek(tp, offset)
        return (await consumer.getone(tp)).value


def test_a_replay_that_differs_says_where_and_is_a_no(here, leadstream):
    assert leadstream("replay", "other").code == 0
    names, kafka = topics.Names(prefix="read.", replay="other"), here.settings.kafka
    (bob,) = rows(leadstream("tail", "events", *ALL, "--json", "--lead", "v:bob"))

    async def forge():
        partition = topics.partition_of(b"v:bob", 8)
        async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
            live = await record_at(kafka, here.settings.names.topic(topics.EVENTS), partition, bob["offset"])
            at = decode_fact(live)
            forged = encode_fact(at.fact, partition=at.partition, offset=at.offset, index=at.index + 1)
            await producer.send_and_wait(names.topic(topics.EVENTS), forged, key=b"v:bob", partition=partition)

    asyncio.run(forge())
    said = leadstream("replay", "other", "--check")
    assert said.code == 1
    assert "1 record differs; the first:\n" in said.out
    assert f"leads.events {bob['value']['fact_id']}: only in the replay" in said.out
    assert json.loads(leadstream("replay", "other", "--check", "--json").out)["different"] == 1


def test_topics_exist_and_creating_them_again_changes_nothing(leadstream):
    said = leadstream("topics", "--json")
    assert said.code == 0
    assert json.loads(said.out)["created"] == []


def test_tail_goes_on_with_what_comes_until_it_is_interrupted(here):
    process = here.start("tail", "touchpoints.web", "--from-beginning", "--json")
    known = [json.loads(process.stdout.readline()) for _ in range(8)]
    here.send([touch("page_view", at=NOW, event="followed", visitor_id="followed")])
    assert json.loads(process.stdout.readline())["value"]["visitor_id"] == "followed"
    assert "followed" not in str(known)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
