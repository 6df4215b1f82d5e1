"""How fast anyone may send: exact over time, each for himself, and never more names than there is room for."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.collecting.rates import Rates


@dataclass
class Clock:
    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_let_in_and_then_one_at_a_time():
    clock = Clock()
    rates = Rates(10, burst_s=1, clock=clock)
    assert [rates.wait_s("a") > 0 for _ in range(12)] == [False] * 10 + [True] * 2
    clock.now += 0.1001
    assert [rates.wait_s("a") > 0 for _ in range(2)] == [False, True]


def test_the_wait_is_how_long_it_takes_until_it_may_come():
    clock = Clock()
    rates = Rates(4, burst_s=1, clock=clock)
    for _ in range(4):
        assert rates.wait_s("a") == 0
    wait = rates.wait_s("a")
    assert wait == pytest.approx(0.25)
    clock.now += wait + 1e-9
    assert rates.wait_s("a") == 0


def test_one_who_is_too_fast_takes_nothing_from_others():
    rates = Rates(1, burst_s=1, clock=Clock())
    assert rates.wait_s("a") == 0
    assert rates.wait_s("a") > 0
    assert rates.wait_s("b") == 0


def test_more_than_a_burst_at_once_is_let_in_when_all_is_level_and_made_up_for():
    clock = Clock()
    rates = Rates(10, burst_s=1, clock=clock)
    assert rates.wait_s("a", 50) == 0
    assert rates.wait_s("a") == pytest.approx(4.1)
    clock.now += 5
    assert rates.wait_s("a", 50) == 0


def test_nothing_is_limited_and_nobody_remembered_at_rate_0():
    rates = Rates(0, clock=Clock())
    assert all(rates.wait_s("a", 1_000_000) == 0 for _ in range(100))
    assert len(rates) == 0


def test_names_are_forgotten_once_there_are_too_many_the_longest_silent_first():
    rates = Rates(1, burst_s=1, names_max=3, clock=Clock())
    for name in "abcd":
        assert rates.wait_s(name) == 0
    assert len(rates) == 3
    assert rates.wait_s("d") > 0
    assert rates.wait_s("a") == 0


@given(per_s=st.floats(0.5, 1_000), burst_s=st.floats(0.1, 10), steps=st.lists(st.tuples(st.floats(0, 3), st.integers(1, 20)), max_size=60))
def test_over_any_time_no_more_is_let_in_than_the_rate_and_a_burst_allow(per_s, burst_s, steps):
    clock, let_in = Clock(), 0
    rates, began, largest = Rates(per_s, burst_s=burst_s, clock=clock), clock.now, 0
    for step, count in steps:
        clock.now += step
        if rates.wait_s("a", count) == 0:
            let_in, largest = let_in + count, max(largest, count)
        assert let_in <= (clock.now - began + burst_s) * per_s + largest + 1e-3
