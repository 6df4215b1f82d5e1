"""Asking a process of ours how it does: /live and /ready, as `streams.health` answers them."""

import http.client
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Final

TIMEOUT_S: Final = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a process said: whether it answered at all, and what speaks against what was asked (nothing: yes)."""

    answered: bool
    problems: tuple[str, ...]


def ask(url: str) -> Answer:
    """Ask one of a process's questions, as in http://127.0.0.1:8081/ready. Never raises."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S):  # noqa: S310 - our own address
            return Answer(answered=True, problems=())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(answered=True, problems=_problems(error))
    except (OSError, http.client.HTTPException):
        return Answer(answered=False, problems=("does not answer yet",))


def _problems(answer: urllib.error.HTTPError) -> tuple[str, ...]:
    try:
        return tuple(map(str, json.load(answer)["problems"]))
    except (ValueError, KeyError, TypeError, OSError, http.client.HTTPException):
        return (f"answers {answer.code}",)
