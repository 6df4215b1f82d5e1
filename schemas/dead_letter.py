"""A dead letter: an input that could not be used, kept with its original bytes, its position and the reason."""

import msgspec


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The fields are explained in `avsc/dead_letter.v1.avsc`. `detail` names fields and never repeats their values."""

    letter_id: str
    received_at: int
    hop: str
    source: str
    reason: str
    detail: str
    topic: str | None = None
    partition: int | None = None
    offset: int | None = None
    key: bytes | None = None
    body: bytes
    headers: dict[str, str] = {}
    model: str | None = None
