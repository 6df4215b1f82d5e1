"""Forms: their fields byte for byte, and what PHP's brackets mean."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.sources import form_bodies
from processors.sources.signal import Unusable


@given(st.lists(st.tuples(st.text(st.characters(codec="utf-8"), max_size=20), st.text(st.characters(codec="utf-8"), max_size=20)), max_size=8))
def test_what_is_written_as_a_form_is_read_again(pairs):
    read = form_bodies.fields(urlencode(pairs).encode())
    assert [(name.decode(), value.decode()) for name, value in read] == pairs


@given(st.binary(max_size=200))
def test_any_bytes_are_fields(body):
    form_bodies.nested(form_bodies.fields(body))


def test_brackets_nest():
    read = form_bodies.nested(form_bodies.fields(b"type=x&data%5Bmerges%5D%5BEMAIL%5D=a%40b.example&data[merges][FNAME]=Ann+B&data[id]=1&a[]=1&a[]=2"))
    assert read == {"type": "x", "data": {"merges": {"EMAIL": "a@b.example", "FNAME": "Ann B"}, "id": "1"}, "a": {"0": "1", "1": "2"}}


@pytest.mark.parametrize(("body", "read"), [
    (b"a=1&a=2", {"a": "2"}), (b"a=1&a[b]=2", {"a": {"b": "2"}}), (b"a[b]=2&a=1", {"a": "1"}), (b"a[b=1", {"a[b": "1"}), (b"[a]=1", {"[a]": "1"}),
    (b"a", {"a": ""}), (b"=1", {}), (b"&&", {}), (b"a[b][c][d][e][f]=1", {"a[b][c][d][e][f]": "1"}), (b"a=%ff%zz", {"a": "\ufffd%zz"}),
])  # fmt: skip
def test_broken_and_endless_names_are_names(body, read):
    assert form_bodies.nested(form_bodies.fields(body)) == read


def test_a_form_of_too_many_fields_is_refused():
    assert len(form_bodies.fields(b"&".join([b"a=1"] * form_bodies.FIELDS_MAX))) == form_bodies.FIELDS_MAX
    with pytest.raises(Unusable):
        form_bodies.fields(b"&" * form_bodies.FIELDS_MAX)
