"""Dates in the formats that senders use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.sources import instants

AT = 1_795_298_136_123  # 2026-11-21T21:55:36.123Z


@pytest.mark.parametrize(("said", "expected"), [
    ("2026-11-21T21:55:36.123Z", AT), ("2026-11-21T21:55:36.123+00:00", AT), ("2026-11-21T22:55:36.123+01:00", AT),
    ("2026-11-21 21:55:36.123", AT), ("2026-11-21T21:55:36.1234567Z", AT), ("2026-11-21T21:55:36.123456789-00:00", AT),
    ("2026-11-21T17:55:36.123-0400", AT), (" 2026-11-21T21:55:36.123Z ", AT), (AT, AT), (str(AT), AT), (AT / 1000, AT), (AT * 1000, AT),
    (AT * 1_000_000, AT), (f"{AT / 1000}", AT), (AT // 1000, AT - 123), (str(AT // 1000), AT - 123), ("2026-11-21", 1_795_219_200_000),
    ("20261121", 1_795_219_200_000), ("1970-01-01T00:00:00Z", 0), (0, 0), (-1, -1000), ("2099-12-31T23:59:59Z", 4_102_444_799_000),
])  # fmt: skip
def test_an_instant_is_read(said, expected):
    assert instants.read(said) == expected


@pytest.mark.parametrize("said", [
    None, "", " ", "soon", "2015-2-02T00:30:08.276Z", "2024-02-30", "2024-13-01", "02/01/2025 10:20", "2024-01-01T25:00:00Z", True, [], {}, b"2024-01-01",
    "1e400", "nan", "inf", "1.e999", 10**21, float("inf"), "9" * 39, "2" * 1000, "9999-12-31T23:59:59-23:59x",
])  # fmt: skip
def test_what_is_no_instant_is_none(said):
    assert instants.read(said) is None


@given(st.one_of(st.text(max_size=60), st.integers(), st.floats(allow_nan=False), st.datetimes().map(str)))
def test_whatever_is_said_is_an_instant_or_none(said):
    found = instants.read(said)
    assert found is None or isinstance(found, int)


@given(st.integers(min_value=0, max_value=4_102_444_800_000))
def test_iso_and_milliseconds_mean_the_same(at):
    from datetime import UTC, datetime, timedelta

    written = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)).isoformat()
    assert instants.read(written) == at
