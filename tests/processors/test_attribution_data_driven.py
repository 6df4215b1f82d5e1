"""What the data say of channels: by hand, by law, and as a published implementation finds it on the same journeys."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.attribution.data_driven import SET_MAX, Outcomes, by_path, markov, removal_effects, shapley

CHANNELS = ("direct", "email", "organic_search", "paid_search", "social")


def test_a_channel_through_which_all_go_takes_everything_with_it():
    journeys = {("email",): Outcomes(converted=2, total=4), ("social", "email"): Outcomes(converted=2, total=4)}
    assert removal_effects(journeys) == {"email": 1.0, "social": 0.5}
    assert markov(journeys) == {"email": pytest.approx(2 / 3), "social": pytest.approx(1 / 3)}


def test_removal_effects_by_hand():
    # start → a (2 of 3) or b (1 of 3); a → b (1 of 2) or nowhere; b → conversion (1 of 2) or nowhere
    journeys = {("a", "b"): Outcomes(converted=1, total=1), ("a",): Outcomes(total=1), ("b",): Outcomes(total=1)}
    assert removal_effects(journeys) == {"a": pytest.approx(0.5), "b": pytest.approx(1.0)}


def test_a_channel_that_comes_twice_in_a_row_is_there_once():
    assert removal_effects({("a", "a", "b"): Outcomes(converted=1, total=2)}) == removal_effects({("a", "b"): Outcomes(converted=1, total=2)})


def test_where_nothing_converts_nobody_has_a_part():
    assert markov({("a", "b"): Outcomes(total=5)}) == {}
    assert shapley({("a", "b"): Outcomes(total=5)}) == {}
    assert markov({}) == {}


def test_coalitions_by_hand():
    journeys = {("a",): Outcomes(converted=1, total=10), ("b", "a"): Outcomes(converted=3, total=10), ("b",): Outcomes(converted=2, total=10)}
    # a: half of 0.1 and of 0.3 - 0.2; b: half of 0.2 and of 0.3 - 0.1
    assert shapley(journeys)[("a", "b")] == {"a": pytest.approx(0.1 / 0.3), "b": pytest.approx(0.2 / 0.3)}
    assert shapley(journeys)[("a",)] == {"a": 1.0}


def test_too_many_channels_have_equal_parts():
    path = tuple(f"c{n:02}" for n in range(SET_MAX + 1))
    assert set(shapley({path: Outcomes(converted=1, total=1)})[path].values()) == {1 / len(path)}


rows = st.lists(st.tuples(st.lists(st.sampled_from(CHANNELS), min_size=1, max_size=6).map(tuple), st.booleans(), st.integers(1, 50)), min_size=1, max_size=40)


@given(rows)
def test_effects_are_shares_and_weights_add_up_to_one(taken):
    journeys = by_path(taken)
    effects = removal_effects(journeys)
    assert effects.keys() == {channel for path in journeys for channel in path}
    assert all(-1e-9 <= effect <= 1 + 1e-9 for effect in effects.values())
    if weights := markov(journeys):
        assert sum(weights.values()) == pytest.approx(1, abs=1e-9)
    for channels, parts in shapley(journeys).items():
        assert tuple(sorted(parts)) == channels
        assert sum(parts.values()) == pytest.approx(1, abs=1e-6)


@given(rows, st.randoms(use_true_random=False))
def test_the_order_in_which_journeys_are_told_changes_nothing(taken, chance):
    shuffled = taken[:]
    chance.shuffle(shuffled)
    first, second = markov(by_path(taken)), markov(by_path(shuffled))
    assert first.keys() == second.keys()
    assert all(first[channel] == pytest.approx(second[channel], abs=1e-9) for channel in first)


# ---- as published ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def published():
    """Journeys by chance in which email and social convert, ours and as the package marketing-attribution-models takes them."""
    why = "marketing-attribution-models is not installed: pip install -e '.[attribution]' (it is large)"
    mam, polars = pytest.importorskip("mam.core", reason=why), pytest.importorskip("polars", reason=why)
    chance = random.Random(4)
    taken = []
    for _ in range(2_000):
        path = tuple(chance.choices(CHANNELS, k=chance.randint(1, 6)))
        taken.append((path, chance.random() < 0.1 + 0.15 * ("email" in path) + 0.1 * ("social" in path), 1))
    frame = polars.DataFrame({
        "journey_id": [str(n) for n in range(len(taken))],
        "path": [" > ".join(path) for path, _, _ in taken],
        "time_till_end": [" > ".join(str(9.0 * (len(path) - n)) for n in range(len(path))) for path, _, _ in taken],
        "converted": [converted for _, converted, _ in taken],
    })  # fmt: skip
    return by_path(taken), mam.MAM(frame, "journey", "path", "converted")


def credited(result) -> dict[str, float]:
    told = result.to_polars()
    return dict(zip(told["channels"].to_list(), told["attribution"].to_list(), strict=True))


def test_removal_effects_and_credits_are_those_of_the_published_implementation(published):
    journeys, peer = published
    theirs = peer.run_markov()
    assert removal_effects(journeys) == pytest.approx(theirs.metadata["removal_effect"]["removal_effect"].to_dict(), abs=1e-9)
    weights, ours = markov(journeys), Counter[str]()
    for path, outcomes in journeys.items():
        total = sum(weights[channel] for channel in path)
        for channel in path:
            ours[channel] += outcomes.converted * weights[channel] / total
    assert dict(ours) == pytest.approx(credited(theirs), rel=1e-9)


def test_shapley_s_parts_are_those_of_the_published_implementation(published):
    journeys, peer = published
    parts, ours = shapley(journeys), Counter[str]()
    for path, outcomes in journeys.items():
        for channel in set(path) if outcomes.converted else ():
            ours[channel] += outcomes.converted * parts[tuple(sorted(set(path)))][channel]
    assert dict(ours) == pytest.approx(credited(peer.run_shapley(max_size=None)), rel=1e-9)
