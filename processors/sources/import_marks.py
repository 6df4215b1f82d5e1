"""The sender of an import says how far it has come: a mark in every log that could carry its touchpoints."""

from processors.sources.signal import Unusable
from schemas.ids import derive
from schemas.kinds import NO_CHANNEL
from schemas.touchpoint import IMPORT_REACHED, Touchpoint

SOURCE = "import"
ID_CHARS_MAX = 64


def import_id(said: str) -> str:
    """Read an import's id: letters, digits and `._-`. Raises Unusable."""
    if not 0 < len(said) <= ID_CHARS_MAX or not said.isascii() or not said.translate(str.maketrans("", "", "._-")).isalnum():
        raise Unusable("import id", "unusable_id", f"import id: 1 to {ID_CHARS_MAX} letters, digits, dots, dashes and underscores")
    return said


def mark(import_id: str, until: int, *, ended: bool, log: str) -> Touchpoint:
    """The mark that an import has sent everything before *until*; *log* names topic and partition, and so the mark."""
    return Touchpoint(
        event_id=derive(SOURCE, import_id, str(until), str(ended), log),
        source=SOURCE,
        kind=IMPORT_REACHED,
        channel=NO_CHANNEL,
        occurred_at=until,
        received_at=until,
        properties={"ended": "true" if ended else "false"},
        import_id=import_id,
    )
