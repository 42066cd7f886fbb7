"""Gathers what is never to be kept: taken down by request, on a hash list, or of no use to us."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb

from pairlake.ingest.images.wanted import Wanted
from pairlake.ingest.urls import absolute_url
from pairlake.lake.addresses import same_url
from pairlake.lake.domains import host_of
from pairlake.lake.errors import BadSetting
from pairlake.lake.forgotten import forgotten
from pairlake.lake.keys import text_id
from pairlake.lake.meanings import meanings, wanted_uses

_HASH = re.compile(r"\s*([0-9a-fA-F]{32}|[0-9a-fA-F]{64})\b")


class Blocked:
    """What no byte of may reach the disk: URLs, domains, and pictures by md5 or sha256.

    `lists` are files, comma-separated, with one md5 or sha256 in hexadecimal at the start of each
    line. `wanted` says what is left out since all that it is wanted for is refused. Raises
    BadSetting for a list that cannot be read, a line that holds no hash, or a use that is none.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, lists: str) -> None:
        self.wanted = Wanted(wanted_uses(), meanings())
        self._keys: set[bytes] = set()
        for name in filter(None, map(str.strip, lists.split(","))):
            self._keys |= _listed(Path(name).expanduser())
        self.refresh(con)

    def refresh(self, con: duckdb.DuckDBPyConnection) -> None:
        """Take in what was asked to be removed meanwhile."""
        rows = con.execute(
            f"select value_id from ({forgotten(con)}) "
            "where kind in ('url', 'domain', 'image_sha256', 'image_md5')"
        ).fetchall()
        self._keys |= {value.bytes for (value,) in rows}

    def take(self, others: Blocked) -> None:
        """Add what another one holds."""
        self._keys |= others._keys

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, key: bytes) -> bool:
        """Whether a url_id, an md5, or the first 16 bytes of a sha256 is among them."""
        return key in self._keys

    def holds(self, url: str) -> bool:
        """Whether a URL is among them, in any spelling that means it, or a domain that it is of."""
        if not self._keys:
            return False
        spellings = {url, absolute_url(url, "") or url, same_url(url)}
        domains = {domain for spelling in spellings for domain in _domains(host_of(spelling))}
        return any(text_id(text).bytes in self._keys for text in spellings | domains)


def _domains(host: str) -> set[str]:
    """The domains that a host stands on: images.example.org, example.org and org."""
    labels = host.rstrip(".").split(".")
    return {".".join(labels[start:]) for start in range(len(labels))}


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
