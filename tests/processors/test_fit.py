"""Fit: coded attributes make points, points make a grade."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.fit import grade
from processors.model.file import load, shipped
from processors.model.scoring_model import GRADES, Criterion, FitModel, PropertyTest
from processors.profile.vocabulary import CODES


def criterion(name, points, **attributes):
    tests = tuple(PropertyTest(field=field, operator="in", values=tuple(values)) for field, values in attributes.items())
    return Criterion(name=name, where=tests, points=points)


FIT = FitModel(
    criteria=(
        criterion("decides", 60, role=["c_level", "vp"]),
        criterion("here", 30, country=["DE", "AT"]),
        criterion("large_and_soon", 40, size=["1001+"], timeframe=["0-1"]),
        criterion("student", -40, role=["student"]),
    ),
    grades=(("A", 70.0), ("B", 45.0), ("C", 20.0)),
)


@pytest.mark.parametrize(("attributes", "points", "letter", "criteria"), [
    ({}, 0, "D", {}),
    ({"role": "vp"}, 60, "B", {"decides": 60}),
    ({"role": "vp", "country": "DE"}, 90, "A", {"decides": 60, "here": 30}),
    ({"country": "AT"}, 30, "C", {"here": 30}),
    ({"size": "1001+"}, 0, "D", {}),
    ({"size": "1001+", "timeframe": "0-1"}, 40, "C", {"large_and_soon": 40}),
    ({"role": "c_level", "country": "DE", "size": "1001+", "timeframe": "0-1"}, 100, "A", {"decides": 60, "here": 30, "large_and_soon": 40}),
    ({"role": "student"}, 0, "D", {"student": -40}),
    ({"role": "student", "country": "DE"}, 0, "D", {"student": -40, "here": 30}),
])  # fmt: skip
def test_the_criteria_that_pass_make_the_points_and_the_grade(attributes, points, letter, criteria):
    assert grade(attributes, FIT) == (points, letter, criteria)


@pytest.mark.parametrize(("points", "letter"), [(100, "A"), (70, "A"), (69.9, "B"), (45, "B"), (44, "C"), (20, "C"), (19, "D"), (0.5, "D")])
def test_a_grade_begins_at_its_points(points, letter):
    fit = FitModel(criteria=(criterion("c", points, role=["vp"]),), grades=FIT.grades)
    assert grade({"role": "vp"}, fit)[:2] == (points, letter)


def test_without_criteria_every_lead_has_the_last_grade():
    assert grade({"role": "vp"}, FitModel()) == (0.0, "D", {})


SHIPPED_FITS = {name: load(shipped(name)).fit for name in ("b2b", "b2c")}

attributes = st.fixed_dictionaries({}, optional={name: st.sampled_from(codes) for name, codes in CODES.items()})


@given(attributes, st.sampled_from(list(SHIPPED_FITS.values())))
def test_points_stay_between_0_and_100_and_the_criteria_add_up_to_them(profile, fit):
    points, letter, criteria = grade(profile, fit)
    assert 0 <= points <= 100
    assert letter in GRADES
    assert points == min(100, max(0, sum(criteria.values())))


@pytest.mark.parametrize(("model", "profile", "letter"), [
    ("b2b", {"role": "c_level", "industry": "software", "size": "201-1000", "country": "DE"}, "A"),
    ("b2b", {"role": "manager", "industry": "software", "size": "51-200"}, "B"),
    ("b2b", {"role": "specialist", "size": "51-200", "country": "FR"}, "C"),
    ("b2b", {"role": "student", "industry": "software", "size": "51-200", "country": "DE"}, "D"),
    ("b2c", {"age": "30-39", "country": "AT", "budget": "1000-9999"}, "A"),
])  # fmt: skip
def test_the_shipped_models_grade_whom_they_are_for(model, profile, letter):
    assert grade(profile, SHIPPED_FITS[model])[1] == letter
