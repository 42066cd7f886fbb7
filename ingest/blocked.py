"""Gathers what is never to be kept: what was taken down by request, and pictures of hash lists."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb

from lake.errors import BadSetting

_HASH = re.compile(r"\s*([0-9a-fA-F]{32}|[0-9a-fA-F]{64})\b")


def blocked(con: duckdb.DuckDBPyConnection, lists: str) -> frozenset[bytes]:
    """Keys of what must not be kept: url_ids, md5s of pictures, and first 16 bytes of sha256s.

    `lists` are files, comma-separated, with one md5 or sha256 in hexadecimal at the start of each
    line. Raises BadSetting for one that cannot be read, or a line that holds no hash.
    """
    rows = con.execute(
        "select value_id from lake.raw.takedowns where kind in ('url', 'image_sha256', 'image_md5')"
    ).fetchall()
    found = {value.bytes for (value,) in rows}
    for name in filter(None, map(str.strip, lists.split(","))):
        found |= _listed(Path(name).expanduser())
    return frozenset(found)


def _listed(path: Path) -> set[bytes]:
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError as error:
        raise BadSetting(
            f"The hash list {path} cannot be read ({error.strerror}); correct PAIRLAKE_HASH_LISTS."
        ) from error
    hashes = set()
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _HASH.match(line)
        if match is None:
            raise BadSetting(f"Line {number} of the hash list {path} begins with no md5 or sha256.")
        hashes.add(bytes.fromhex(match[1])[:16])
    return hashes
