"""What a lead remembers: a dict's answers, in a sixth of its place."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.remembered import Remembered

KEY = st.integers(0, (1 << 64) - 1) | st.integers(0, 3)  # few of them, so that some come again
INSTANT = st.integers(-(1 << 63), (1 << 63) - 1)


@given(pairs=st.lists(st.tuples(KEY, INSTANT), max_size=40), dropped=st.integers(0, 40), others=st.lists(KEY, max_size=5))
def test_it_answers_as_a_dict_does(pairs: list[tuple[int, int]], dropped: int, others: list[int]) -> None:
    packed, plain = Remembered(), dict[int, int]()
    for key, at in pairs:
        packed.put(key, at)
        plain[key] = at
    for _ in range(min(dropped, len(plain))):
        assert packed.oldest() == plain[next(iter(plain))]
        packed.drop_oldest()
        del plain[next(iter(plain))]
    assert list(packed) == list(plain.items())
    assert len(packed) == len(plain)
    assert packed == Remembered.of(plain.items())
    assert all((key in packed) == (key in plain) for key in [*others, *(key for key, _ in pairs)])


@pytest.mark.parametrize("shift", range(1, 8))
def test_bytes_that_span_two_keys_are_no_key(shift: int) -> None:
    one, other = 0x1122334455667788, 0x99AABBCCDDEEFF01
    both = one.to_bytes(8, "little") + other.to_bytes(8, "little")
    spanning = int.from_bytes(both[shift : shift + 8], "little")
    assert spanning not in Remembered.of([(one, 1), (other, 2)])
    assert spanning in Remembered.of([(one, 1), (other, 2), (spanning, 3)])


@pytest.mark.parametrize(("keys", "instants"), [(b"", bytes(8)), (bytes(8), b""), (bytes(9), bytes(9)), (bytes(16), bytes(8))])
def test_keys_without_their_instants_are_refused(keys: bytes, instants: bytes) -> None:
    with pytest.raises(msgspec.ValidationError, match="do not belong together"):
        msgspec.msgpack.decode(msgspec.msgpack.encode([keys, instants]), type=Remembered)
