"""Reads requests for removal, and tells under which hashes each is recorded."""

from __future__ import annotations

import csv
import hashlib
import uuid
from pathlib import Path

from pairlake.lake.addresses import same_host
from pairlake.lake.domains import is_public_suffix
from pairlake.lake.errors import BadRequest
from pairlake.lake.keys import image_id, text_id

KINDS = ("url", "domain", "page", "image_hash", "caption")
_HEADER = ["kind", "value"]
_DIGESTS = {
    hashlib.md5(usedforsecurity=False).digest_size: "image_md5",
    hashlib.sha256().digest_size: "image_sha256",
}


def read_requests(file: Path) -> dict[str, list[str]]:
    """The requests of a CSV file with the header `kind,value`, by their kinds.

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


def hashed(kind: str, value: str) -> tuple[str, uuid.UUID]:
    """The kind and value_id of raw.takedowns for a value of one of KINDS.

    Raises BadRequest for what cannot be one.
    """
    flaw = _flaw(kind, value)
    if flaw:
        raise BadRequest(f"{value!r} {flaw}.")
    if kind == "domain":
        return kind, text_id(value.strip().lower().strip("."))
    if kind != "image_hash":
        return kind, text_id(value)
    digest = _digest(value)
    return _DIGESTS[len(digest)], image_id(digest)


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
    if kind == "domain" and (set(value.strip()) & set("/:@?#* \t") or not value.strip(" .")):
        return "is not a domain; give it as photos.example"
    if kind == "domain" and is_public_suffix(same_host(value)):
        return "is a public suffix, below which many have their sites; name each site's own domain"
    if kind == "image_hash" and len(_digest(value)) not in _DIGESTS:
        return "is not an image hash; give md5 or sha256 in hexadecimal"
    return None


def _digest(value: str) -> bytes:
    try:
        return bytes.fromhex(value.strip())
    except ValueError:
        return b""
