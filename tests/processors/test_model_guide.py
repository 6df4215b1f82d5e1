"""The guide to the scoring model says what is so."""

import re
from pathlib import Path

import pytest

from processors.model.file import load
from processors.profile.vocabulary import CODES
from schemas.kinds import KNOWN

GUIDE = Path("docs/scoring-model.md").read_text(encoding="utf-8")
MODELS = re.findall(r"```yaml\n(.*?)```", GUIDE, flags=re.DOTALL)


@pytest.mark.parametrize("text", MODELS)
def test_every_model_in_the_guide_has_no_problem(text):
    assert load(text).rules


def test_the_guide_lists_every_kind():
    assert {kind for kind in KNOWN if f"`{kind}`" not in GUIDE} == set()


@pytest.mark.parametrize("attribute", [name for name in CODES if name != "country"])
def test_the_guide_lists_every_value_of_an_attribute(attribute):
    row = next(line for line in GUIDE.splitlines() if line.startswith(f"| `{attribute}`"))
    assert tuple(re.findall(r"`([^`]+)`", row)) == (attribute, *CODES[attribute])
