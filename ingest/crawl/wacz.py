"""Opens the web archives in a WACZ: a zip of them, and of what shows them."""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterator
from typing import cast
from zipfile import ZIP_STORED, BadZipFile, ZipFile

from pairlake.ingest.crawl.records import Damage, Failed, Found
from pairlake.ingest.crawl.warc import read_records

ZIP = b"PK\x03\x04"
_ARCHIVE = re.compile(r".*\.w?arc(\.gz|\.zst)?", re.IGNORECASE)
# What zipfile raises of a member that is damaged, or packed or locked as no WACZ is.
_ERRORS = (BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error)


def read_wacz(stream: io.BufferedReader) -> Iterator[Found | Damage | Failed]:
    """The records of the archives in a WACZ, one archive after the other, as of `read_records`.

    Offsets are those within an archive. Of a zip that is cut off, what lies in it unpacked.
    """
    try:
        held = ZipFile(stream)
    except _ERRORS:
        stream.seek(0)
        yield from read_records(stream)
        return
    with held:
        for member in held.infolist():
            if not _ARCHIVE.fullmatch(member.filename):
                continue
            try:
                with held.open(member) as archive:
                    # What is wrong in it costs a record, by the sums of the archive itself.
                    archive._expected_crc = None  # type: ignore[attr-defined]
                    kind = io.BufferedReader if member.compress_type == ZIP_STORED else _Forward
                    yield from read_records(kind(cast(io.RawIOBase, archive)))
            except _ERRORS as error:
                yield Damage(reason=f"{member.filename[:200]}: {error}"[:500])


class _Forward(io.BufferedReader):
    """Goes back nowhere, as what is packed in a zip could do only from its beginning."""

    def seekable(self) -> bool:
        return False
