"""Reads the files of a tar or of a folder, one after the other, whatever else there is in it."""

from __future__ import annotations

import posixpath
import tarfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from pairlake.ingest.crawl.captioned.folders import listed
from pairlake.ingest.crawl.records import Damage, Other, Unreadable
from pairlake.ingest.unpacking import GZIP
from pairlake.lake.errors import as_text, in_words

# Blocks of a tar that are no header and are passed over, and empty ones, before it is given up.
_MOST_SKIPPED, _MOST_EMPTY = 10_000, 100_000
# A name takes a few hundred bytes; tarfile would read one of gigabytes.
_MOST_NAME_BYTES = 2**20
_OF_NAMES = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)
# What gzip may make of a file: pictures hardly shrink.
_MOST_TIMES, _MOST_UNPACKED = 20, 2**30
# What is wrong with a header: the library's stubs do not have it.
_headers: Any = tarfile
_TAR_ERRORS = (tarfile.TarError, EOFError, OSError, ValueError, OverflowError, zlib.error)


@dataclass(frozen=True, kw_only=True)
class Member:
    """A file, the `number`th of those that may be read, with its bytes if they were asked for."""

    number: int
    name: str
    written_at: float
    body: bytes | None


# How many bytes of the member of a number and name may be read at most; None: it is not wanted.
Most = Callable[[int, str], int | None]
Found = Member | Other | Unreadable | Damage


def is_tar(head: bytes) -> bool:
    """Whether a file seems to be a tar, by its first bytes, unpacked: its header has a sum."""
    try:
        tarfile.TarInfo.frombuf(head[:512], "utf-8", "surrogateescape")
    except (tarfile.TarError, ValueError):
        return False
    return True


def tar_members(file: Path, most: Most) -> Iterator[Found]:
    """The members of a tar, plain or in gzip; nothing of it is written anywhere.

    A damaged one is read as far as it can be, also behind the damage.
    """
    with file.open("rb") as stream:
        packed = stream.read(len(GZIP)) == GZIP
        stream.seek(0)
        room = file.stat().st_size * _MOST_TIMES + _MOST_UNPACKED if packed else None
        try:
            mode: Any = "r|gz" if packed else "r|"
            with _Tar.open(fileobj=stream, mode=mode) as tar:
                yield from _of_tar(tar, most, room)
        except _TAR_ERRORS as error:
            yield Damage(reason=as_text(in_words(error)), is_end=True)


def _of_tar(tar: Any, most: Most, room: int | None) -> Iterator[Found]:
    number = seen = 0
    while (header := tar.next()) is not None:
        tar.members = []  # it would keep all of them in memory
        if tar.skipped > seen:
            yield Damage(reason=f"no member begins where one should, before {header.offset}")
            seen = tar.skipped
        if room is not None and header.offset_data + header.size > room:
            yield Damage(reason="it unpacks to far more than pictures do", is_end=True)
            return
        if header.isdir():
            continue
        if kind := _kind(header):
            yield Other(kind=kind, offset=header.offset)
            continue
        name = posixpath.normpath(header.name)
        allowed, body = most(number, name), None
        if allowed is not None and header.size > allowed:
            yield Unreadable(reason=f"{header.size} bytes in one file", offset=header.offset)
        elif allowed is not None:
            body = tar.extractfile(header).read()
        yield Member(number=number, name=name, written_at=float(header.mtime), body=body)
        number += 1
    if tar.skipped > seen:
        yield Damage(reason="its end is no tar", is_end=True)


def _kind(header: tarfile.TarInfo) -> str | None:
    """What a member is that is no file to be read."""
    if header.issym() or header.islnk():
        return "link"
    if not header.isreg() or header.issparse():
        return "no file"
    path = PurePosixPath(header.name)
    if path.is_absolute() or ".." in path.parts:
        return "unsafe name"
    return "hidden" if any(part.startswith(".") for part in path.parts) else None


class _Header(tarfile.TarInfo):
    """Notes in its tar what is passed over, and takes no endless name."""

    @classmethod
    def frombuf(cls, buf: Any, encoding: str, errors: str) -> Any:
        header = super().frombuf(buf, encoding, errors)
        if header.type in _OF_NAMES and header.size > _MOST_NAME_BYTES:
            raise _headers.InvalidHeaderError("its name is too long")
        return header

    @classmethod
    def fromtarfile(cls, tar: Any) -> Any:
        try:
            return super().fromtarfile(tar)
        except (_headers.InvalidHeaderError, _headers.TruncatedHeaderError):
            tar.skipped += 1
            if tar.skipped > _MOST_SKIPPED:
                raise tarfile.ReadError("nothing that follows is a tar") from None
            raise
        except _headers.EOFHeaderError:
            tar.empty += 1
            if tar.empty > _MOST_EMPTY:
                raise _headers.EmptyHeaderError("it ends") from None
            raise


class _Tar(tarfile.TarFile):
    """A tar that goes on behind what is no header, as behind the end of one of several."""

    skipped = empty = 0
    ignore_zeros = True
    tarinfo = _Header


def folder_members(location: str, most: Most) -> Iterator[Found]:
    """The files of a folder of pictures, by their names relative to it; links are not followed."""
    number = 0
    for file in listed(location):
        if file.kind is not None:
            yield Other(kind=file.kind)
            continue
        allowed = most(number, file.name)
        body: bytes | None = None
        try:
            if allowed is not None:
                # A byte more, for a file that grows meanwhile.
                body = file.read(allowed + 1)
        except OSError as error:
            yield Unreadable(reason=as_text(in_words(error)))
        if body is not None and allowed is not None and len(body) > allowed:
            yield Unreadable(reason=f"more than {allowed} bytes in one file")
            body = None
        yield Member(number=number, name=file.name, written_at=file.written_at, body=body)
        number += 1
