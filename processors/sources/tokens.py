"""Proofs that say nothing of what they prove, each good for one event only.

Mailgun signs a time and a token, not the event: whoever has seen one proof could put it before events of his own making.
So the first event that comes with a token is the only one it stands for; that same event may come again, as a re-send does.
"""

import hmac
from typing import Final

TOKENS_MAX: Final = 100_000


class Tokens:
    """The tokens of late and what each stood for, the oldest forgotten first. One process's memory, and bounded."""

    def __init__(self, most: int = TOKENS_MAX) -> None:
        self._most = most
        self._stood_for: dict[str, bytes] = {}

    def stands_for(self, token: str, digest: bytes) -> bool:
        """Whether *token*, whose signature was right, may stand for the event of this *digest*."""
        known = self._stood_for.get(token)
        if known is not None:
            return hmac.compare_digest(known, digest)
        if len(self._stood_for) >= self._most:
            del self._stood_for[next(iter(self._stood_for))]
        self._stood_for[token] = digest
        return True
