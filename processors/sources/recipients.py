"""One event of an email that went to several people: a touchpoint for each, where it tells of whom it speaks."""

from collections.abc import Callable, Sequence

from processors.sources.batches import adapt_each, adapt_one, too_many
from processors.sources.signal import Adapted, Ignored, Signal, Unusable, whole_body
from schemas.touchpoint import Touchpoint


def adapt_recipients(
    said: object, turn: Callable[[object], Touchpoint], *, field: str, of_each: bool, signal: Signal, events_max: int
) -> Adapted:
    """*turn* each of the recipients *said*, one or a list, into a touchpoint.

    *of_each*: what is told is true of each of them. Else, of several, it is not known who it was that clicked, and the
    event is ignored by that name: points for the wrong person are worse than none.
    """
    recipients: Sequence[object] = said if isinstance(said, list) else [said]
    if not recipients:
        return adapt_one(lambda: _nobody(field), signal.body)
    if len(recipients) > events_max:
        return whole_body(signal, too_many(len(recipients), field, events_max))
    if len(recipients) > 1 and not of_each:
        return Adapted(ignored=(Ignored(index=0, reason="several_recipients"),))
    return adapt_each(recipients, lambda recipient, _: turn(recipient), lambda: [signal.body] * len(recipients))


def _nobody(field: str) -> Touchpoint:
    raise Unusable(field, "no_identity", f"{field}: must hold the recipient's address")
