"""Record requests for removal in raw.takedowns: only hashes of what is to be forgotten.

`pairlake forget`. SQL hides what they match (drop_reason `takedown`); `lake.maintain` erases it.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import pyarrow as pa

from lake.append import append
from lake.errors import BadRequest
from lake.keys import image_id, text_id


def record_takedowns(requests: Mapping[str, Iterable[str]], *, reason: str | None = None) -> int:
    """Record what is to go, by kind: url, domain, page, image_hash, caption; returns how many.

    All of it or nothing: raises BadRequest for an image hash that is neither md5 nor sha256 in
    hexadecimal.
    """
    hashed = [_hashed(kind, value.strip()) for kind in requests for value in requests[kind]]
    now = datetime.now(UTC).replace(tzinfo=None)
    rows = [
        {"kind": kind, "value_id": value_id.bytes, "reason": reason, "requested_at": now}
        for kind, value_id in hashed
    ]
    append({"raw.takedowns": pa.Table.from_pylist(rows, schema=_SCHEMA)})
    return len(rows)


_SCHEMA = pa.schema(
    [
        ("kind", pa.string()),
        ("value_id", pa.uuid()),
        ("reason", pa.string()),
        ("requested_at", pa.timestamp("us")),
    ]
)


def _hashed(kind: str, value: str) -> tuple[str, uuid.UUID]:
    if kind == "domain":
        return kind, text_id(value.lower().rstrip("."))
    if kind != "image_hash":
        return kind, text_id(value)
    try:
        digest = bytes.fromhex(value)
    except ValueError:
        digest = b""
    if len(digest) == hashlib.md5(usedforsecurity=False).digest_size:
        return "image_md5", uuid.UUID(bytes=digest)
    if len(digest) == hashlib.sha256().digest_size:
        return "image_sha256", image_id(digest)
    raise BadRequest(f"{value!r} is not an image hash; give md5 or sha256 in hexadecimal.")
