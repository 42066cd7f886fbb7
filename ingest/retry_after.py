"""Reads Retry-After, by which a server says when it may be asked again."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def retry_after_s(said: str) -> float:
    """Its seconds, which may be given as a date; 0 where there is nothing that can be read."""
    said = said.strip()
    if said.isdecimal():
        return float(said)
    try:
        wanted = (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return max(0.0, wanted)
