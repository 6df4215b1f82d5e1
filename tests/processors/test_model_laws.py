"""Laws of the scoring model's file: it reads as it was written, and no text does worse than being refused."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processors.model.differences import differences
from processors.model.dump import dump
from processors.model.file import SHIPPED, load, shipped
from processors.model.problems import ModelProblems
from processors.model.words import describe
from tests.processors.scoring_models import models

slow = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@settings(slow, max_examples=60)
@given(models())
def test_a_model_reads_as_it_was_written(model):
    text = dump(model)
    assert load(text) == model
    assert dump(load(text)) == text


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_model_reads_as_it_was_written(name):
    model = load(shipped(name))
    assert load(dump(model)) == model


@settings(slow, max_examples=25)
@given(models())
def test_a_model_does_not_differ_from_what_it_was_written_as(model):
    assert differences(model, load(dump(model))) == []


@settings(slow, max_examples=25)
@given(models())
def test_a_description_names_every_rule_stage_and_criterion(model):
    lines = describe(model)
    text = "\n".join(lines)
    assert all("\n" not in line for line in lines)
    assert all(rule.name in text for rule in model.rules)
    assert all(stage.name in text for stage in model.stages)
    assert all(criterion.name in text for criterion in model.fit.criteria)


def reads_or_says_why(text):
    try:
        assert load(text).text == text
    except ModelProblems as refused:
        assert refused.problems
        lines = 1 + sum(text.count(end) for end in "\n\r\x85\u2028\u2029")  # what ends a line in YAML
        assert all(0 < problem.line <= lines + 1 and problem.column > 0 and problem.sentence for problem in refused.problems)


@slow
@given(st.text(max_size=400))
def test_any_text_is_a_model_or_is_refused_with_its_problems(text):
    reads_or_says_why(text)


PIECES = [
    "model: ", "rules:\n", "  - ", "name: a\n", "{", "}", "[", "]", "- ", ": ", ", ", "*a", "&a ", "!!int ", '"', "'", "\\", "\n", "  ", "\t", "# ", "|\n", ">-\n",
    "? ", "---\n", "...\n", "%YAML 9.9\n", "\\UFFFFFFFF", "\ud800", "\x00", "\ufeff", "\x85", "stages:\n", "where: ", "never", "14d", "1e999", "9" * 400, "-", "~",
]  # fmt: skip


@slow
@given(st.lists(st.sampled_from(PIECES), max_size=60).map("".join))
def test_any_heap_of_yaml_is_a_model_or_is_refused_with_its_problems(text):
    reads_or_says_why(text)


@settings(slow, max_examples=150)
@given(st.data())
def test_a_shipped_model_damaged_anywhere_is_a_model_or_is_refused_with_its_problems(data):
    text = shipped(data.draw(st.sampled_from(SHIPPED)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        cut = data.draw(st.integers(0, 40))
        text = text[:at] + data.draw(st.sampled_from(["", *PIECES])) + text[at + cut :]
    reads_or_says_why(text)


@settings(slow, max_examples=40)
@given(st.data())
def test_a_shipped_model_with_lines_moved_is_a_model_or_is_refused_with_its_problems(data):
    lines = shipped(data.draw(st.sampled_from(SHIPPED))).splitlines(keepends=True)
    for _ in range(data.draw(st.integers(1, 5))):
        line = lines.pop(data.draw(st.integers(0, len(lines) - 1)))
        lines.insert(data.draw(st.integers(0, len(lines))), line)
    reads_or_says_why("".join(lines))
