"""What the Python peers do with one touchpoint: the same pure core, on a state that their engine keeps as bytes."""

import msgspec

from processors.decision import handle
from processors.model.file import load
from schemas.avro import decode_touchpoint, encode_fact
from schemas.lead import Lead
from tests.bench.input import MODELS

_model = load(MODELS["bench"])
_encoder, _decoder = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(Lead)


def lead_of(value: bytes) -> str:
    """The lead that a touchpoint, in Avro, names."""
    return decode_touchpoint(value).identifiers()[0]


def score(held: bytes | None, value: bytes, lead_id: str, *, partition: int, offset: int) -> tuple[bytes, list[bytes]]:
    """Decide one touchpoint: the lead's state from now on, and the facts in Avro."""
    lead = _decoder.decode(held) if held else Lead()
    told = handle(lead, decode_touchpoint(value), _model, lead_id=lead_id, seen_at=f"{partition}/{offset}")
    facts = [encode_fact(fact, partition=partition, offset=offset, index=index) for index, fact in enumerate(told)]
    return _encoder.encode(lead), facts
