"""Record requests for removal in raw.takedowns: only hashes of what is to be forgotten.

`pairlake forget`. SQL hides what they match (drop_reason `takedown`), `lake.tombstones` keeps it
from landing again, and `lake.erasure` erases it.
"""

from __future__ import annotations

import csv
import hashlib
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from lake.append import append
from lake.errors import BadRequest
from lake.keys import image_id, text_id
from lake.neutral import drawn

KINDS = ("url", "domain", "page", "image_hash", "caption")
_HEADER = ["kind", "value"]
_SCHEMA = pa.schema(
    [
        ("kind", pa.string()),
        ("value_id", pa.uuid()),
        ("reason", pa.string()),
        ("requested_at", pa.timestamp("us")),
    ]
)


def record_takedowns(
    requests: Mapping[str, Iterable[str]], *, reason: str | None = None, among: int = 0
) -> int:
    """Record what is to go, by kind: url, domain, page, image_hash, caption; returns how many.

    With `among`, so many others of its kind, drawn by chance from the kept pairs, are recorded
    for each, in the same way, so that nobody can tell from what is gone what was asked for.
    All of it or nothing: raises BadRequest for what cannot be the value of its kind, and for a
    kind that cannot be hidden among others.
    """
    hashed = {_hashed(kind, value) for kind in requests for value in requests[kind]}
    others = _others(hashed, among) if among else set()
    now = datetime.now(UTC).replace(tzinfo=None)
    # By their hashes, so that their order does not tell them apart either.
    rows = [
        {"kind": kind, "value_id": value_id.bytes, "reason": reason, "requested_at": now}
        for kind, value_id in sorted(hashed | others)
    ]
    append({"raw.takedowns": pa.Table.from_pylist(rows, schema=_SCHEMA)})
    return len(hashed)


def _others(hashed: set[tuple[str, uuid.UUID]], among: int) -> set[tuple[str, uuid.UUID]]:
    """`among` neutral values for each that is hashed, of its kind."""
    values: dict[str, list[uuid.UUID]] = {}
    for kind, value_id in hashed:
        values.setdefault(kind, []).append(value_id)
    return {
        (kind, value_id)
        for kind, asked in values.items()
        for value_id in drawn(kind, len(asked) * among, but=asked)
    }


def read_requests(file: Path) -> dict[str, list[str]]:
    """The requests of a CSV file with the header `kind,value`, as `record_takedowns` takes them.

    Raises BadRequest, with its line, for the first that is none; values are not repeated in it,
    since messages end up in logs.
    """
    requests: dict[str, list[str]] = {kind: [] for kind in KINDS}
    try:
        with file.open(newline="", encoding="utf-8-sig") as handle:
            rows = csv.reader(handle, strict=True)
            if next(rows, None) != _HEADER:
                raise BadRequest(f"The first line of {file} must be: kind,value")
            for row in rows:
                if row:
                    kind, value = _request(row, f"Line {rows.line_num} of {file}")
                    requests[kind].append(value)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadRequest(f"{file} cannot be read as CSV in UTF-8 ({error}).") from error
    return requests


def _request(row: list[str], place: str) -> tuple[str, str]:
    if len(row) != len(_HEADER):
        raise BadRequest(f"{place} has {len(row)} columns, not two; quote a value with commas.")
    kind, value = row
    if kind not in KINDS:
        raise BadRequest(f"{place} has no kind of request; there are {', '.join(KINDS)}.")
    flaw = _flaw(kind, value)
    if flaw:
        raise BadRequest(f"{place}: the value {flaw}.")
    return kind, value


def _flaw(kind: str, value: str) -> str | None:
    """Why a value cannot be one of its kind; None if it can."""
    if not value.strip():
        return "is empty"
    if any("\ud800" <= character <= "\udfff" for character in value):
        return "is not text in UTF-8"
    if kind == "domain" and set(value.strip()) & set("/:@?#* \t"):
        return "is not a domain; give it as photos.example"
    if kind == "image_hash" and len(_digest(value)) not in _DIGESTS:
        return "is not an image hash; give md5 or sha256 in hexadecimal"
    return None


_DIGESTS = {
    hashlib.md5(usedforsecurity=False).digest_size: "image_md5",
    hashlib.sha256().digest_size: "image_sha256",
}


def _digest(value: str) -> bytes:
    try:
        return bytes.fromhex(value.strip())
    except ValueError:
        return b""


def _hashed(kind: str, value: str) -> tuple[str, uuid.UUID]:
    flaw = _flaw(kind, value)
    if flaw:
        raise BadRequest(f"{value!r} {flaw}.")
    if kind == "domain":
        return kind, text_id(value.strip().lower().rstrip("."))
    if kind != "image_hash":
        return kind, text_id(value)
    digest = _digest(value)
    return _DIGESTS[len(digest)], image_id(digest)
