"""When a server says that it may be asked again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairlake.ingest.retry_after import retry_after_s


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("120", 120.0),
        (" 7 ", 7.0),
        ("", 0.0),
        ("-3", 0.0),
        ("soon", 0.0),
        ("1.5", 0.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Wed, 21 Oct 99999 07:28:00 GMT", 0.0),
    ],
)
def test_seconds_and_dates_are_taken(said: str, wanted: float) -> None:
    assert retry_after_s(said) == wanted


def test_a_date_ahead_is_so_many_seconds() -> None:
    said = format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True)
    assert 7_000 < retry_after_s(said) <= 7_200


@given(st.text())
def test_nothing_that_is_sent_raises(said: str) -> None:
    assert retry_after_s(said) >= 0
