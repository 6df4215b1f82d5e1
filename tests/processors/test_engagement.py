"""Engagement is a sum that fades: the laws of addition, and crossings that are solved for."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.engagement import add, cap_left, first_below, not_before, total_at
from schemas.facts import RuleSum
from schemas.lead import Lead

DAY_S = 24 * 3600
DAY_MS = DAY_S * 1000
T0 = 1_750_000_000_000

points = st.floats(-50, 50, allow_nan=False).filter(lambda p: abs(p) > 1e-3)
instants = st.integers(T0 - 400 * DAY_MS, T0)
half_lives = st.sampled_from([0, 3600, DAY_S, 7 * DAY_S, 30 * DAY_S, 365 * DAY_S])
thresholds = st.floats(-20, 60, allow_nan=False).filter(lambda t: t == 0 or abs(t) > 1e-3)
sums = st.builds(
    lambda rule, p, at, h, window: RuleSum(rule, p, at, h, 1, window, False),
    st.sampled_from("abc"), points, instants, half_lives, st.integers(-1, 5),
)  # fmt: skip


def lead_with(*added: RuleSum) -> Lead:
    lead = Lead()
    add(lead, added)
    return lead


def test_points_halve_in_a_half_life():
    """
    0 d        10 d       20 d
     |----------|----------|
    8.0        4.0        2.0
    """
    lead = lead_with(RuleSum("a", 8.0, T0, 10 * DAY_S))
    assert [total_at(lead, T0 + n * DAY_MS) for n in (0, 10, 20)] == [8.0, 4.0, 2.0]


def test_points_without_a_half_life_never_fade():
    assert total_at(lead_with(RuleSum("a", 8.0, T0, 0)), T0 + 10_000 * DAY_MS) == 8.0


def test_a_late_event_counts_as_if_it_had_come_in_time():
    early, late = RuleSum("a", 3.0, T0 - 5 * DAY_MS, DAY_S), RuleSum("a", 4.0, T0, DAY_S)
    assert total_at(lead_with(late, early), T0) == pytest.approx(total_at(lead_with(early, late), T0), rel=1e-12)


@given(st.lists(sums, max_size=5))
def test_adding_engagement_commutes(added):
    totals = [total_at(lead_with(*order), T0) for order in permutations(added)]
    assert totals == pytest.approx([totals[0]] * len(totals), rel=1e-9, abs=1e-9)
    kept = [lead_with(*order) for order in permutations(added)]
    assert all(lead.caps.keys() == kept[0].caps.keys() for lead in kept)
    for lead in kept:
        for rule, windows in kept[0].caps.items():
            assert lead.caps[rule] == pytest.approx(windows)


@given(st.lists(sums, max_size=8))
def test_the_score_is_the_sum_of_what_each_touchpoint_is_still_worth(added):
    expected = sum(s.points * (2.0 ** ((s.as_of - T0) / (s.half_life_s * 1000)) if s.half_life_s else 1.0) for s in added)
    assert total_at(lead_with(*added), T0) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_adding_nothing_changes_nothing():
    lead = lead_with(RuleSum("a", 3.0, T0, DAY_S))
    before = total_at(lead, T0)
    add(lead, ())
    assert total_at(lead, T0) == before


@given(st.lists(sums, min_size=1, max_size=6), thresholds)
def test_the_first_crossing_downwards_is_the_first(added, threshold):
    lead = lead_with(*added)
    found = first_below(lead, threshold, T0)
    if found is None:
        probes = [T0 + int(DAY_MS * 1.3**n) for n in range(60)]
        assert all(total_at(lead, at) >= threshold for at in probes)
        return
    assert total_at(lead, found) < threshold
    if found > T0:
        assert total_at(lead, found - 1) >= threshold
        probes = [T0 + (found - T0) * n // 40 for n in range(40)]
        assert all(total_at(lead, at) >= threshold for at in probes)


@given(st.lists(sums, min_size=1, max_size=6), thresholds)
def test_the_cheap_bound_is_never_after_the_crossing(added, threshold):
    lead = lead_with(*added)
    found, bound = first_below(lead, threshold, T0), not_before(lead, threshold, T0)
    if bound is None:
        assert found is None
    elif found is not None:
        assert bound <= found


def test_a_cap_leaves_what_its_window_has_not_used():
    lead = lead_with(RuleSum("a", 4.0, T0, DAY_S, 1, 7))
    assert cap_left(lead, "a", 7, 6.0) == 2.0
    assert cap_left(lead, "a", 8, 6.0) == 6.0


def test_a_cap_remembers_a_bounded_number_of_windows_and_older_ones_share_the_oldest():
    lead = Lead()
    for window in range(20):
        add(lead, [RuleSum("a", 6.0, T0, DAY_S, 1, window)])
    assert len(lead.caps["a"]) == 8
    assert cap_left(lead, "a", 3, 6.0) == 0.0
