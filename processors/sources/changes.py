"""What it means that a record of a CRM has a certain value, as settings say it: `lifecyclestage=customer=deal_won`."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple, get_args

from processors.model.scoring_model import VerdictName
from schemas import kinds

ANYTHING: Final = "*"
VERDICTS: Final = get_args(VerdictName)


class Change(NamedTuple):
    """The field and its value, in small letters, and what it means: a kind, and of a verdict of sales which."""

    field: str
    value: str
    kind: str
    verdict: str


def is_change(entry: str) -> bool:
    """Whether *entry* is field=value=kind, with a kind there is; a verdict as sales_verdict.accepted."""
    parts = entry.split("=")
    kind, _, verdict = parts[-1].partition(".")
    if kind == kinds.SALES_VERDICT:
        known = verdict in VERDICTS
    else:
        known = (kind in kinds.KNOWN or kind.startswith(kinds.CUSTOM_PREFIX)) and not verdict
    return len(parts) == 3 and all(part.strip() for part in parts) and known


@lru_cache(maxsize=64)
def read_changes(entries: tuple[str, ...]) -> tuple[Change, ...]:
    """The settings' table, in its order."""
    parted = (entry.split("=", 2) for entry in entries)
    return tuple(Change(name.strip().lower(), value.strip().lower(), *_kind(kind.strip())) for name, value, kind in parted)


def _kind(said: str) -> tuple[str, str]:
    kind, _, verdict = said.partition(".")
    return kind, verdict


def meant(changes: Iterable[Change], said: Mapping[str, str]) -> Change | None:
    """The first of *changes* that fits what a record *said*, by field in small letters; `*` is any value but none."""
    for each in changes:
        value = said.get(each.field)
        if value and (each.value == ANYTHING or each.value == value.lower()):
            return each
    return None
