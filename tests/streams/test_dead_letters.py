"""Dead letters of a hop: what a letter keeps, and when so many of them stop the hop."""

import random
from pathlib import Path

import pytest
from aiokafka.structs import ConsumerRecord, TopicPartition

from schemas import inbox
from schemas.avro import decode_dead_letter, encode_touchpoint
from schemas.inbox import ModelPublished, Origin, Tick, TouchpointArrived
from streams import topics, usable
from streams.cli.main import parser_of
from streams.dead_letters import LIMITS, DeadLetters, Limits, Tally
from streams.errors import Misconfigured
from streams.identify import IdentifyShard
from streams.kafka import Outputs
from streams.score import Home, ScoreShard
from streams.settings import Settings, table
from streams.usable import Unusable
from streams.work import limits_of
from tests.processors.building import T0, touch

TP = TopicPartition("touchpoints.web", 3)
WRONG = Unusable("undecodable", "it cannot be read")


class Kept:
    """A producer that keeps what is put into its batches, and sends nothing."""

    def __init__(self):
        self.values = []

    def create_batch(self):
        return self

    def append(self, *, key, value, timestamp):
        self.values.append(value)
        return self


def record(offset, value=b"\xff", *, key=b"v:ann", tp=TP):
    return ConsumerRecord(
        topic=tp.topic, partition=tp.partition, offset=offset, timestamp=T0, timestamp_type=0, key=key, value=value,
        checksum=None, serialized_key_size=1, serialized_value_size=1, headers=(),
    )  # fmt: skip


def exceeded(tally, said):
    """What the tally says after each of *said*: a dot is a usable record, an x one that is not."""
    found = []
    for each in said:
        if each == ".":
            tally.healthy(1)
        else:
            found.append(tally.unusable())
    return found


def test_so_many_in_a_row_are_let_pass_and_one_more_is_not():
    tally = Tally(Limits(in_a_row_max=3))
    assert exceeded(tally, "xxx.xxx") == [None] * 6
    assert exceeded(tally, "x") == ["more than 3 records in a row were unusable (LEADSTREAM_DEAD_LETTERS_IN_A_ROW_MAX)"]


def test_more_than_the_share_stops_once_there_are_letters_enough_to_judge_by():
    """Floor 4, share a half, of the last 10.

        xx.xx          4 of 5: over
        .x.x.x.x       4 of 8: just a half, goes on
        .x.x.x.xxx     6 of 10: over
    """  # fmt: skip
    limits = Limits(in_a_row_max=100, share_max=0.5, window=10, floor=4)
    *before, last = exceeded(Tally(limits), "xx.xx")
    assert before == [None] * 3
    assert last == "4 of the last 5 records were unusable, more than the share of 0.5 (LEADSTREAM_DEAD_LETTERS_SHARE_MAX)"
    assert exceeded(Tally(limits), ".x.x.x.x") == [None] * 4
    assert exceeded(Tally(limits), ".x.x.x.xxx")[-1] is not None


def test_what_lies_before_the_window_is_forgotten():
    tally = Tally(Limits(in_a_row_max=100, share_max=0.5, window=10, floor=4))
    assert exceeded(tally, ".x.x.x.x" + "." * 10 + "xxx.") == [None] * 7
    assert exceeded(tally, "..xx") == [None, None]  # 5 of the last 10
    assert exceeded(tally, "x") != [None]  # 6 of the last 10


def test_the_share_is_exactly_that_of_the_last_records_whatever_came():
    chance = random.Random(7)
    limits = Limits(in_a_row_max=10**9, share_max=0.4, window=50, floor=10)
    tally, seen = Tally(limits), []
    for _ in range(5_000):
        bad = chance.random() < 0.4
        seen.append(bad)
        if not bad:
            tally.healthy(1)
            continue
        last = seen[-50:]
        assert (tally.unusable() is not None) == (sum(last) >= 10 and sum(last) > 0.4 * len(last))


def test_healthy_traffic_with_a_few_poison_records_never_stops():
    tally = Tally(Limits())
    for _ in range(1_000):
        tally.healthy(4_000)
        assert exceeded(tally, "x" * 40) == [None] * 40


def test_a_row_that_was_told_as_usable_and_refused_later_is_one_record():
    """Everything is refused: counted twice it would look like half, and never stop."""
    tally = Tally(Limits(share_max=0.5, floor=1_000))
    said = []
    for _ in range(20):
        tally.healthy(100)
        said += [tally.unusable(was_healthy=True) for _ in range(100)]
    assert [each is None for each in said] == [True] * 999 + [False] * 1_001


def test_a_share_of_one_never_stops():
    tally = Tally(Limits(in_a_row_max=10**9, share_max=1, window=10, floor=1))
    assert exceeded(tally, "x" * 100) == [None] * 100


def test_the_sentence_names_hop_topic_partition_offset_and_what_to_do_and_no_value():
    dead = DeadLetters(Outputs(Kept()), hop="identify", tp=TP, topic="dead-letters", limits=Limits(in_a_row_max=2))
    dead.put(record(5, b"secret"), WRONG)
    dead.put(record(6, b"secret"), WRONG)
    with pytest.raises(Misconfigured) as caught:
        dead.put(record(7, b"secret"), WRONG)
    said = str(caught.value)
    assert said.startswith("hop identify: touchpoints.web[3] at offset 7: more than 2 records in a row were unusable")
    for words in ("`leadstream dead-letters ls --hop identify`", "upgrade this worker", "raise that setting"):
        assert words in said
    assert "secret" not in said


def identify(limits):
    sent = Kept()
    return IdentifyShard(TP, None, sent, names=topics.Names(), count=lambda *_: None, limits=limits), sent


async def handled(shard, values):
    """Hand *values* over in one batch, without sending what follows from them."""
    shard._outputs.flush = _nothing
    await shard.handle([record(n, value) for n, value in enumerate(values)])


async def _nothing():
    """Not sent."""


async def test_the_hop_identify_stops_by_each_of_its_limits_within_one_batch_and_not_before():
    good = encode_touchpoint(touch())
    shard, _ = identify(Limits(in_a_row_max=10))
    await handled(shard, [b"\xff"] * 10 + [good] + [b"\xff"] * 10)
    with pytest.raises(Misconfigured, match=r"touchpoints.web\[3\] at offset 21: more than 10 records in a row"):
        await handled(identify(Limits(in_a_row_max=10))[0], [b"\xff"] * 10 + [good] + [b"\xff"] * 11)
    with pytest.raises(Misconfigured, match=r"at offset 18: 10 of the last 19 records"):
        await handled(identify(Limits(in_a_row_max=10, share_max=0.5, floor=10))[0], [b"\xff", good] * 20)
    with pytest.raises(Misconfigured, match="3 records in a row"):
        shard, _ = identify(Limits(in_a_row_max=3))
        await handled(shard, [b"\xff"] * 3)
        shard._next = 0
        await handled(shard, [b"\xff"])


def score():
    sent = Kept()
    home = Home(bootstrap="nowhere:1", names=topics.Names(), count=lambda *_: None, limits=Limits(in_a_row_max=5))
    shard = ScoreShard(TopicPartition("leads.inbox", 0), sent, home)
    shard._outputs.flush = _nothing
    return shard, sent


async def test_the_hop_score_stops_at_its_limit_and_its_letters_say_the_model_in_force_if_there_is_one():
    from processors.model.file import shipped

    shard, sent = score()
    tp = TopicPartition("leads.inbox", 0)
    await shard.handle([
        record(0, b"\xff", tp=tp),
        record(1, inbox.encode(ModelPublished("b2b", 1, shipped("b2b"), T0)), key=None, tp=tp),
        record(2, b"\xff", tp=tp),
    ])  # fmt: skip
    letters = [decode_dead_letter(value) for value in sent.values if value.startswith(b"\xc3\x01")]
    assert [(each.hop, each.offset, each.model) for each in letters] == [("score", 0, None), ("score", 2, "b2b@1")]
    with pytest.raises(Misconfigured, match=r"leads.inbox\[0\] at offset 7: more than 5 records in a row"):
        await shard.handle([record(offset, b"\xff", tp=tp) for offset in range(3, 9)])


async def test_a_letter_keeps_reason_bytes_position_and_hop():
    shard, sent = identify(Limits())
    await handled(shard, [b"\xff\x00bytes", None, encode_touchpoint(touch(visitor_id=None))])
    letters = [decode_dead_letter(value) for value in sent.values]
    assert [(each.reason, each.body) for each in letters][:2] == [("undecodable", b"\xff\x00bytes"), ("undecodable", b"")]
    assert letters[2].reason == "no_identity"
    assert {(each.hop, each.source, each.topic, each.partition, each.key, each.received_at) for each in letters} == {
        ("identify", "touchpoints.web", "touchpoints.web", 3, b"v:ann", T0)
    }
    assert [each.offset for each in letters] == [0, 1, 2]


@pytest.mark.parametrize(("key", "mail", "reason"), [
    (None, TouchpointArrived(Origin(0, 1, 0), touch()), "no_lead"),
    (b"zoe", TouchpointArrived(Origin(0, 1, 0), touch()), "no_lead"),
    (b"\xff", TouchpointArrived(Origin(0, 1, 0), touch()), "undecodable"),
    (b"v:ann", TouchpointArrived(Origin(0, 1, 0), touch().__class__(event_id="not hex", source="s", kind="k", channel="c", occurred_at=1, received_at=1)), "no_event_id"),
])  # fmt: skip
def test_mail_that_no_shard_could_decide_is_unusable(key, mail, reason):
    found = usable.mail(key, inbox.encode(mail))
    assert isinstance(found, Unusable)
    assert found.reason == reason


def test_mail_with_a_lead_and_control_records_without_one_are_usable():
    arrived = TouchpointArrived(Origin(0, 1, 0), touch())
    assert usable.mail(b"v:ann", inbox.encode(arrived)) == ("v:ann", arrived)
    assert usable.mail(None, inbox.encode(Tick(T0))) == (None, Tick(T0))


def test_both_limits_are_settings_and_wrong_ones_are_told_at_start():
    key = {"LEADSTREAM_IDENTITY_KEY": "0123456789abcdef"}
    assert limits_of(Settings.load(key)) == Limits()
    chosen = Settings.load(key | {"LEADSTREAM_DEAD_LETTERS_IN_A_ROW_MAX": "50", "LEADSTREAM_DEAD_LETTERS_SHARE_MAX": "0.1"})
    assert limits_of(chosen) == Limits(in_a_row_max=50, share_max=0.1)
    with pytest.raises(Misconfigured) as caught:
        Settings.load(key | {"LEADSTREAM_DEAD_LETTERS_IN_A_ROW_MAX": "0", "LEADSTREAM_DEAD_LETTERS_SHARE_MAX": "60%"})
    assert "LEADSTREAM_DEAD_LETTERS_IN_A_ROW_MAX must be a whole number from 1" in str(caught.value)
    assert "LEADSTREAM_DEAD_LETTERS_SHARE_MAX must be a number from 0 to 1" in str(caught.value)


PAGE = Path("docs/dead-letters.md").read_text(encoding="utf-8")


def test_the_page_for_the_engineer_on_call_shows_commands_that_are_understood_and_the_limits_as_they_are():
    shown = [line.partition("#")[0].split() for line in PAGE.splitlines() if line.startswith("    leadstream dead-letters")]
    assert {words[2] for words in shown} == {"ls", "show", "replay"}
    for words in shown:
        parser_of("dead-letters")[0].parse_args(words[2:])
    defaults = {name: default for name, default, _ in table()}
    for name in ("LEADSTREAM_DEAD_LETTERS_IN_A_ROW_MAX", "LEADSTREAM_DEAD_LETTERS_SHARE_MAX"):
        (row,) = [line for line in PAGE.splitlines() if line.startswith("|") and name in line]
        assert row.rstrip("| ").rpartition("| ")[2].replace(",", "") == defaults[name]
    assert f"share of the last {LIMITS.window:,} handled" in PAGE
    assert f"once {LIMITS.floor:,} of them" in PAGE
