"""Hypothesis strategies for our structs, read off their types: a field that is added is covered at once."""

import operator
import types
import typing

import msgspec
from hypothesis import strategies as st

from schemas.remembered import Remembered

LONG = st.integers(-(1 << 63), (1 << 63) - 1)
INT = st.integers(-(1 << 31), (1 << 31) - 1)
EVENT_KEY = st.integers(0, (1 << 64) - 1)
# Lengths around 64 and 8192 bytes take one byte more to write.
TEXT = st.builds(operator.mul, st.text(max_size=4), st.sampled_from([1, 1, 1, 1, 1, 1, 16, 2048]))

BY_FIELD = {
    # Avro's `int`; all other numbers are `long`.
    **dict.fromkeys(("partition", "index", "count", "touches"), INT),
    "event_keys": st.lists(st.tuples(EVENT_KEY, LONG), max_size=3).map(tuple),
    "event_ids": st.lists(st.tuples(EVENT_KEY, LONG), max_size=3).map(tuple),
}
BY_TYPE = {
    int: LONG,
    str: TEXT,
    bytes: st.binary(max_size=80),
    float: st.floats(allow_nan=False),
    bool: st.booleans(),
    types.NoneType: st.none(),
    Remembered: st.dictionaries(EVENT_KEY, LONG, max_size=3).map(lambda keys: Remembered.of(keys.items())),
}


def values(kind: object) -> st.SearchStrategy:
    """Values of *kind*: a struct, a union, a container or a scalar."""
    if kind in BY_TYPE:
        return BY_TYPE[kind]
    arguments = typing.get_args(kind)
    match typing.get_origin(kind):
        case types.UnionType | typing.Union:
            return st.one_of([values(each) for each in arguments])
        case origin if origin is tuple and arguments[-1] is ...:
            return st.lists(values(arguments[0]), max_size=3).map(tuple)
        case origin if origin is tuple:
            return st.tuples(*[values(each) for each in arguments])
        case origin if origin is list:
            return st.lists(values(arguments[0]), max_size=3)
        case origin if origin is dict:
            return st.dictionaries(values(arguments[0]), values(arguments[1]), max_size=3)
    fields = msgspec.structs.fields(kind)
    return st.builds(kind, **{field.name: _of_field(field) for field in fields})


def _of_field(field: msgspec.structs.FieldInfo) -> st.SearchStrategy:
    found = BY_FIELD.get(field.name)
    if found is None:
        return values(field.type)
    return found | st.none() if types.NoneType in typing.get_args(field.type) else found
