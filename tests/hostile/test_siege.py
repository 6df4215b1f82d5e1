"""A short siege of a collector as a user runs it; `make hostile` is the long one. And the judge sees what is wrong."""

import json
from itertools import count

import pytest

from tests.hostile.assault import Tally
from tests.hostile.attacks import Attack
from tests.hostile.siege import besiege

numbers = count()


def test_a_siege_changes_nothing_but_counts(local_stack):
    found = besiege(local_stack.kafka_address, prefix=f"siege{next(numbers)}.", requests=400, seed=7)
    assert found.wrong == ()
    assert found.requests == 400
    assert found.accepted > 0
    assert found.rejected > 0
    assert {"200", "400", "401", "404", "405", "413"} <= set(found.statuses)


def answer(status: int, **body: object) -> bytes:
    return f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n\r\n".encode() + json.dumps(body).encode()


@pytest.mark.parametrize(
    ("attack", "said", "told"),
    [
        (Attack(label="a", raw=b""), b"", "no answer"),
        (Attack(label="a", raw=b""), answer(500), "answered [500]"),
        (Attack(label="a", raw=b"", broken=True), answer(200) + answer(503), "answered [200, 503]"),
        (Attack(label="a", raw=b""), answer(200, accepted=1), "1 events let in without a proof"),
        (Attack(label="a", raw=b"", broken=True), answer(404) + b"leadstream_collector_requests_total 1", "told what lies within"),
    ],
)
def test_the_judge_sees_what_must_not_be(attack, said, told):
    tally = Tally()
    tally.judge(attack, said)
    assert len(tally.wrong) == 1
    assert told in tally.wrong[0]


def test_the_judge_lets_pass_what_may_be():
    tally = Tally()
    tally.judge(Attack(label="a", raw=b"", keyed=True), answer(200, accepted=3))
    tally.judge(Attack(label="b", raw=b"", broken=True), b"")
    tally.judge(Attack(label="c", raw=b""), answer(401, code="unauthorised"))
    assert tally.wrong == []
    assert tally.accepted == 3
