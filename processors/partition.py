"""One partition of the inbox: every decision about its leads, from this log alone and in its order.

Pure: records in, effects out. The shell (`streams.score`) reads the log, sends the effects and commits the changes
together with the offset. The same records give the same effects, whatever the batches, the speed or the crashes.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final, assert_never

import msgspec

from processors import decision, identity, scanners
from processors.imports import Logs, NextRound, Reached, is_open, mark
from processors.lead import remember
from processors.leads import Leads
from processors.model.scoring_model import NO_MODEL, ScoringModel
from processors.projection import handed_over, profile_of
from schemas.facts import AnyFact, TouchpointCounted
from schemas.ids import event_key
from schemas.inbox import (
    Control,
    IdentifierLinked,
    ImportReached,
    InboxRecord,
    LeadAbsorbed,
    LeadUnlinked,
    Mail,
    ModelPublished,
    Origin,
    Tick,
    TouchpointArrived,
)
from schemas.kinds import BOT_VERDICT
from schemas.profile import LeadProfile
from schemas.state import HELD, PARTITION_KEY, Mailbox, PartitionState, decode_partition, encode_partition
from schemas.touchpoint import Touchpoint

WAITING_MAX: Final = 10_000
"""Imported touchpoints that may wait at one lead; further ones are decided at once, as late ones."""
YIELD_EVERY: Final = 256
"""Leads after which a control record for the whole partition lets the shell breathe."""
_BEFORE: Final = (-1, -1)
"""Before the first position of a log."""


class Effects:
    """What records led to. Facts carry the offset and index of their position; mail and control go to the inbox."""

    __slots__ = ("control", "counts", "facts", "mail")

    def __init__(self) -> None:
        self.facts: list[tuple[AnyFact, int, int]] = []
        self.mail: list[tuple[str, Mail]] = []  # to which lead
        self.control: list[tuple[int, Control]] = []  # to which partition
        self.counts: Counter[str] = Counter()
        """in + released = counted + duplicate + forwarded + reemitted + waiting: every touchpoint has one outcome."""


class Partition:
    """The shard's decisions. *read_model* turns a published text into a model; it was checked before publishing."""

    def __init__(self, number: int, *, logs: Logs, read_model: Callable[[str], ScoringModel]) -> None:
        self.model = NO_MODEL
        self._log = logs.inbox[number]
        self._logs = logs
        self._read_model = read_model
        self._state = PartitionState()
        self._state_changed = False
        self._leads = Leads()
        self._told: set[str] = set()  # leads with facts since the last commit: their profiles are news
        self._out = Effects()
        self._offset = -1
        self._index = 0
        self._emitted = 0

    # --- restoring and committing ---

    def restore(self, key: bytes, value: bytes) -> None:
        """Take one record of the changelog, the newest of its key. Raises UnreadableState."""
        if key == PARTITION_KEY:
            self._state = decode_partition(value)
            if self._state.model_text:
                self.model = self._read_model(self._state.model_text)
        else:
            self._leads.restore(key.decode(), value)

    def due_at(self) -> int:
        """The earliest instant at which time alone may change a lead here (NEVER: none)."""
        return self._leads.due_at()

    def has_model(self) -> bool:
        return self.model is not NO_MODEL

    def changes(self, offset: int) -> tuple[list[tuple[bytes, bytes]], list[LeadProfile]]:
        """The changelog records and profiles since the last call, up to (not including) *offset*. Forgets them."""
        records = self._leads.changes()
        if self._state_changed:
            records.append((PARTITION_KEY, encode_partition(self._state)))
            self._state_changed = False
        partition = self._logs.inbox.index(self._log)
        profiles = [
            profile_of(lead_id, self._leads.get(lead_id).lead, self.model, partition=partition, offset=offset)
            for lead_id in sorted(self._told)
        ]
        self._told.clear()
        self._leads.trim()
        return records, profiles

    # --- deciding ---

    def apply(self, lead_id: str | None, record: InboxRecord, offset: int, out: Effects) -> Iterator[None] | None:
        """Decide *record* into *out*. For a control record the caller exhausts the iterator returned, at leisure."""
        self._out, self._offset, self._index, self._emitted = out, offset, 0, 0
        match record:
            case TouchpointArrived():
                assert lead_id is not None
                out.counts["in"] += 1
                box = self._deliver(lead_id, record.origin)
                if box is None:
                    out.counts["reemitted"] += 1
                    return None
                unchanged = self._touchpoint(lead_id, box, record)
                self._leads.changed(lead_id, box, None if unchanged else self.model)
                return None
            case LeadAbsorbed() | IdentifierLinked() | LeadUnlinked():
                assert lead_id is not None
                box = self._deliver(lead_id, record.origin)
                if box is None:
                    out.counts["mail_reemitted"] += 1
                    return None
                self._mail(lead_id, box, record)
                self._leads.changed(lead_id, box, self.model)
                return None
            case Tick():
                return self._tick(record)
            case ModelPublished():
                return self._publish(record)
            case ImportReached():
                return self._mark(record)
            case _:
                assert_never(record)

    def _deliver(self, lead_id: str, origin: Origin) -> Mailbox | None:
        """The mailbox that mail is for; None for what its emitter sent again after a crash, which falls away."""
        box = self._leads.get(lead_id)
        position = (origin.offset, origin.index)
        if box.origins.get(origin.log, _BEFORE) >= position:
            return None
        box.origins[origin.log] = position
        return box

    def _mail(self, lead_id: str, box: Mailbox, record: LeadAbsorbed | IdentifierLinked | LeadUnlinked) -> None:
        match record:
            case LeadAbsorbed():
                self._absorb(lead_id, box, record)
            case IdentifierLinked():
                self._turn_out(lead_id, box, record.to, cause=record.event_id, at=record.at)
            case LeadUnlinked():
                facts = decision.release(box.lead, self.model, lead_id=lead_id, cause=record.event_id, at=record.at)
                self._tell(lead_id, facts)
                box.told.clear()
            case _:
                assert_never(record)

    def _touchpoint(self, lead_id: str, box: Mailbox, record: TouchpointArrived) -> bool:
        """Decide a touchpoint; True where it brought nothing nearer that time alone does."""
        touchpoint, lead = record.touchpoint, box.lead
        key = event_key(touchpoint.event_id)
        if key in lead.recent or key in box.passed:
            o = record.origin
            seen_at = f"{o.log}/{o.offset}/{o.index}"
            self._tell(lead_id, (decision.duplicate(lead, touchpoint, self.model, lead_id=lead_id, seen_at=seen_at),))
            self._out.counts["duplicate"] += 1
            return True
        identifiers = touchpoint.identifiers()
        if identifiers != (lead_id,):
            self._identify(lead_id, box, identifiers, touchpoint)
        if lead.forwarded_to is not None:
            self._pass_on(box, lead.forwarded_to, touchpoint)
        elif self._waits(box, touchpoint):
            box.waiting.append(touchpoint)
            remember(box.passed, key, touchpoint.received_at)
            box.import_id = touchpoint.import_id or box.import_id
            self._out.counts["waiting"] += 1
        else:
            return self._count(lead_id, box, touchpoint)
        return False

    def _identify(self, lead_id: str, box: Mailbox, identifiers: tuple[str, ...], touchpoint: Touchpoint) -> None:
        """Tell what the identifiers of a touchpoint, seen together, say of each other."""
        for other in identity.between(lead_id, identifiers):
            self._tell_identifier(box, other, identifiers[-1], touchpoint)
        survivor = identity.survivor(lead_id, identifiers)
        if survivor is not None:
            self._turn_out(lead_id, box, survivor, cause=touchpoint.event_id, at=touchpoint.received_at)

    def _waits(self, box: Mailbox, touchpoint: Touchpoint) -> bool:
        if len(box.waiting) >= WAITING_MAX:
            return False
        return not self.has_model() or is_open(self._state, touchpoint.import_id)

    def _count(self, lead_id: str, box: Mailbox, touchpoint: Touchpoint) -> bool:
        """Count a touchpoint; True where it brought nothing nearer that time alone does."""
        quiet_until = 0 if box.due_at == HELD else box.due_at
        if touchpoint.kind in scanners.WATCHED and (found := scanners.look(box.watched, touchpoint)) is not None:
            facts = self._count_watched(lead_id, box, touchpoint, found, quiet_until)
        else:
            facts = decision.count(box.lead, touchpoint, self.model, lead_id=lead_id, quiet_until=quiet_until)
        if touchpoint.kind == BOT_VERDICT:  # it has taken back everything
            scanners.settle(box.watched)
        self._tell(lead_id, facts)
        self._out.counts["counted"] += 1
        return quiet_until != 0 and decision.only_grew(facts)

    def _count_watched(
        self, lead_id: str, box: Mailbox, touchpoint: Touchpoint, found: scanners.Found, quiet_until: int
    ) -> tuple[AnyFact, ...]:
        """Count a click or delivery of an email; what turns out to be a scanner's is marked, and its points withdrawn."""
        lead, model = box.lead, self.model
        facts = decision.count(lead, touchpoint, model, lead_id=lead_id, quiet_until=quiet_until, by_machine=found.by_machine)
        machines = found.earlier
        if found.click is not None and found.by_machine:
            machines = (*machines, found.click)
        elif found.click is not None:
            found.click.sums = next(fact.sums for fact in facts if isinstance(fact, TouchpointCounted))
        if not machines:
            return facts
        withdrawn = decision.withdraw(
            lead, machines, model, lead_id=lead_id, cause=touchpoint.event_id, reason=scanners.REASON, import_id=touchpoint.import_id
        )
        for click in machines:
            click.sums = ()
        return facts + withdrawn

    def _tell_identifier(self, box: Mailbox, other: str, to: str, touchpoint: Touchpoint) -> None:
        if box.told.get(other) != to:
            box.told[other] = to
            self._send(other, IdentifierLinked(self._origin(), to, touchpoint.received_at, touchpoint.event_id))

    def _turn_out(self, lead_id: str, box: Mailbox, to: str, *, cause: str, at: int) -> None:
        """Hand over what the lead has to *to*, whom it turned out to be; re-point it if it was forwarded already."""
        lead = box.lead
        if to == lead_id or identity.better(lead_id, to) == lead_id or to == lead.forwarded_to:
            return
        if lead.forwarded_to is not None:
            if identity.rank(to) >= identity.rank(lead.forwarded_to):
                self._tell(lead_id, decision.forward(lead, to, self.model, lead_id=lead_id, cause=cause, at=at))
            return
        inheritance = handed_over(lead_id, lead, self._origin)
        if inheritance is not None:
            self._send(to, inheritance)
        self._tell(lead_id, decision.forward(lead, to, self.model, lead_id=lead_id, cause=cause, at=at))
        self._out.counts["released"] += len(box.waiting)
        for touchpoint in box.waiting:
            self._pass_on(box, to, touchpoint)
        box.waiting, box.import_id, box.watched = [], None, []

    def _pass_on(self, box: Mailbox, to: str, touchpoint: Touchpoint) -> None:
        remember(box.passed, event_key(touchpoint.event_id), touchpoint.received_at)
        self._send(to, TouchpointArrived(self._origin(), touchpoint))
        self._out.counts["forwarded"] += 1

    def _absorb(self, lead_id: str, box: Mailbox, mail: LeadAbsorbed) -> None:
        if box.lead.forwarded_to is not None:
            for key, at in mail.event_ids:
                remember(box.passed, key, at)
            self._send(box.lead.forwarded_to, msgspec.structs.replace(mail, origin=self._origin()))
            return
        cause = f"absorbed {mail.absorbed}"
        self._tell(lead_id, decision.absorb(box.lead, mail, self.model, lead_id=lead_id, cause=cause))

    # --- control records: the whole partition ---

    def _tick(self, record: Tick) -> Iterator[None]:
        for n, lead_id in enumerate(self._leads.due(record.at)):
            box = self._leads.get(lead_id)
            self._tell(lead_id, decision.advance(box.lead, record.at, self.model, lead_id=lead_id))
            self._leads.changed(lead_id, box, self.model, exact=True)
            if n % YIELD_EVERY == 0:
                yield

    def _publish(self, record: ModelPublished) -> Iterator[None]:
        if record.text == self._state.model_text:
            return
        first = not self.has_model()
        self.model = self._read_model(record.text)
        state = self._state
        state.model_name, state.model_version, state.model_text = record.name, record.version, record.text
        self._state_changed = True
        for n, lead_id in enumerate(self._leads.all()):
            box = self._leads.get(lead_id)
            if first:
                self._release(lead_id, box, [t for t in box.waiting if not is_open(state, t.import_id)])
                if not is_open(state, box.import_id):  # it ended before there was a model to decide it by
                    box.import_id = None
            if box.lead.forwarded_to is None:
                if box.import_id is None:
                    self._tell(lead_id, decision.adopt(box.lead, self.model, lead_id=lead_id, at=record.at))
                self._leads.changed(lead_id, box, self.model, exact=True)
            if n % YIELD_EVERY == 0:
                yield

    def _mark(self, record: ImportReached) -> Iterator[None]:
        step = mark(self._state, record, self._logs)
        self._state_changed = True
        match step:
            case None:
                return
            case NextRound():
                for partition in range(len(self._logs.inbox)):
                    onward = ImportReached(
                        self._origin(), record.import_id, record.until, round=step.round, ended=record.ended
                    )
                    self._out.control.append((partition, onward))
            case Reached():
                yield from self._reach(record)
            case _:
                assert_never(step)

    def _reach(self, record: ImportReached) -> Iterator[None]:
        for n, lead_id in enumerate(self._leads.held()):
            box = self._leads.get(lead_id)
            ready = [t for t in box.waiting if t.import_id == record.import_id]
            if not (ready or box.import_id == record.import_id) or not self.has_model():
                continue
            ready = [t for t in ready if record.ended or t.received_at <= record.until]
            self._release(lead_id, box, sorted(ready, key=lambda t: (t.received_at, t.event_id)))
            facts = decision.advance(
                box.lead, record.until, self.model, lead_id=lead_id, import_id=record.import_id
            )
            self._tell(lead_id, facts)
            if record.ended and box.import_id == record.import_id:
                box.import_id = next((t.import_id for t in box.waiting), None)
            self._leads.changed(lead_id, box, self.model, exact=True)
            if n % YIELD_EVERY == 0:
                yield

    def _release(self, lead_id: str, box: Mailbox, ready: list[Touchpoint]) -> None:
        if not ready:
            return
        ids = {t.event_id for t in ready}
        box.waiting = [t for t in box.waiting if t.event_id not in ids]
        self._out.counts["released"] += len(ready)
        for touchpoint in ready:
            if event_key(touchpoint.event_id) in box.lead.recent:
                fact = decision.duplicate(box.lead, touchpoint, self.model, lead_id=lead_id, seen_at="waiting")
                self._tell(lead_id, (fact,))
                self._out.counts["duplicate"] += 1
            else:
                self._count(lead_id, box, touchpoint)

    # --- effects ---

    def _tell(self, lead_id: str, facts: tuple[AnyFact, ...]) -> None:
        if not facts:
            return
        for fact in facts:
            self._out.facts.append((fact, self._offset, self._index))
            self._index += 1
        self._told.add(lead_id)

    def _send(self, lead_id: str, mail: Mail) -> None:
        self._out.mail.append((lead_id, mail))

    def _origin(self) -> Origin:
        """Name the next record emitted from here."""
        self._emitted += 1
        return Origin(self._log, self._offset, self._emitted - 1)
