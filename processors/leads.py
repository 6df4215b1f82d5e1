"""A partition's leads in memory: hot ones decoded, the rest as the bytes of the changelog; who is due, who is held."""

import heapq
from collections.abc import Iterator
from itertools import islice
from typing import Final

from processors.model.scoring_model import ScoringModel
from processors.stage import due_after, due_exactly
from schemas.lead import Lead
from schemas.state import HELD, NEVER, Mailbox, decode_mailbox, due_at, encode_mailbox

HOT_MAX: Final = 50_000
"""Decoded mailboxes kept between commits."""


class Leads:
    """Mailboxes by lead id. `get` makes one where there is none; `changed` says that one differs from its bytes."""

    def __init__(self, hot_max: int = HOT_MAX) -> None:
        self._hot_max = hot_max
        self._stored: dict[str, bytes] = {}
        self._hot: dict[str, Mailbox] = {}
        self._changed: set[str] = set()
        self._due: list[tuple[int, str]] = []  # a heap; an entry counts only while it is still the lead's due instant
        self._is_heap = True
        self._held: set[str] = set()

    def restore(self, lead_id: str, value: bytes) -> None:
        """Take the newest changelog record of a lead. Raises UnreadableState."""
        due = due_at(value)
        self._stored[lead_id] = value
        if due == HELD:
            self._held.add(lead_id)
        elif due != NEVER:  # made a heap when it is first asked: a million pushes take a second, once for all a tenth
            self._due.append((due, lead_id))
            self._is_heap = False

    def get(self, lead_id: str) -> Mailbox:
        """The lead's mailbox, decoded. Raises UnreadableState."""
        box = self._hot.get(lead_id)
        if box is None:
            stored = self._stored.get(lead_id)
            box = self._hot[lead_id] = decode_mailbox(stored) if stored is not None else Mailbox(lead=Lead())
        return box

    def changed(self, lead_id: str, box: Mailbox, model: ScoringModel | None, *, exact: bool = False) -> None:
        """Note a change and when the lead is next due: a cheap lower bound, or to the millisecond where *exact*.

        Without a *model* the lower bound still holds.
        """
        self._changed.add(lead_id)
        if model is None:
            return
        if box.waiting or box.import_id is not None:
            due = HELD
        elif box.lead.forwarded_to is not None:
            due = NEVER
        elif exact:
            at = due_exactly(box.lead, model)
            due = NEVER if at is None else at[0]
        else:
            bound = due_after(box.lead, model)
            due = NEVER if bound is None else bound
        if due != box.due_at:
            box.due_at = due
            self._schedule(lead_id, due)

    def _schedule(self, lead_id: str, due: int) -> None:
        if due == HELD:
            self._held.add(lead_id)
            return
        self._held.discard(lead_id)
        if due == NEVER:
            return
        if self._is_heap:
            heapq.heappush(self._due, (due, lead_id))
        else:
            self._due.append((due, lead_id))

    def due_at(self) -> int:
        """The earliest due instant, or NEVER."""
        if not self._is_heap:
            heapq.heapify(self._due)
            self._is_heap = True
        while self._due and self._due_of(self._due[0][1]) != self._due[0][0]:
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else NEVER

    def due(self, until: int) -> Iterator[str]:
        """Leads due by *until*, earliest first. The caller advances each and says `changed` before the next."""
        while self.due_at() <= until:
            yield heapq.heappop(self._due)[1]

    def held(self) -> list[str]:
        """Leads that wait, in the order of their ids."""
        return sorted(self._held)

    def all(self) -> list[str]:
        """All leads, in the order of their ids."""
        return sorted(self._stored.keys() | self._hot.keys())

    def changes(self) -> list[tuple[bytes, bytes]]:
        """The changelog records of what changed since the last call."""
        records = []
        for lead_id in sorted(self._changed):
            value = self._stored[lead_id] = encode_mailbox(self._hot[lead_id])
            records.append((lead_id.encode(), value))
        self._changed.clear()
        return records

    def trim(self) -> None:
        """Forget decoded mailboxes beyond the bound, the longest held first. Call when nothing is unsaved."""
        assert not self._changed
        excess = len(self._hot) - self._hot_max
        for lead_id in list(islice(self._hot, max(0, excess))):
            if lead_id in self._stored:
                del self._hot[lead_id]
        if len(self._due) > 2 * len(self._stored) + 1_000:  # a busy lead leaves an entry behind at every touchpoint
            self._due = sorted({entry for entry in self._due if self._due_of(entry[1]) == entry[0]})

    def _due_of(self, lead_id: str) -> int:
        box = self._hot.get(lead_id)
        return box.due_at if box is not None else due_at(self._stored[lead_id])
