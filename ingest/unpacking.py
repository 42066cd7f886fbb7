"""Unpacks bodies that were sent packed, to a cap, by the names that Content-Encoding has for it."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Sequence
from typing import IO, NamedTuple

from fastwarc.stream_io import BrotliReader, WarcReader, ZstdReader

# What bodies and files begin with that are packed so; zstd may first have a dictionary's frame.
GZIP, ZSTD, ZSTD_DICTIONARY = b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\x5d\x2a\x4d\x18"
_MAX_WAYS = 5
_MAX_MEMBERS = 100
_PIECE_BYTES = 2**16
# gzip, or zlib as `deflate` is meant; and without its header, as some servers send it.
_EITHER, _RAW = 32 + zlib.MAX_WBITS, -zlib.MAX_WBITS


class Unpacked(NamedTuple):
    """What came out of a body, to one byte more than the cap, and what was wrong with the rest."""

    body: bytes
    wrong: str | None = None


def ways(encoding: str) -> list[str]:
    """How a body was packed that has this Content-Encoding, in the order in which to unpack it.

    Names that are none (`UTF-8`, `none`, `aws-chunked`) are passed over, as browsers do.
    """
    names = [name.strip().lower() for name in encoding.split(",")]
    return [name for name in reversed(names) if name in _UNPACKERS]


def sniffed(body: bytes) -> list[str]:
    """How a body seems to be packed, by its first bytes: ways as of `ways`, one or none."""
    magics = ((GZIP, "gzip"), (ZSTD, "zstd"), (ZSTD_DICTIONARY, "zstd"))
    return [way for magic, way in magics if body.startswith(magic)]


def unpack(body: bytes, packed: Sequence[str], most: int) -> Unpacked:
    """`body` as it was before it was packed in these ways; of more bytes, `most` + 1."""
    if len(packed) > _MAX_WAYS:
        return Unpacked(b"", f"packed in more than {_MAX_WAYS} ways, one upon another")
    for way in packed:
        body, wrong = _UNPACKERS[way](body, most + 1)
        if wrong:
            return Unpacked(body, f"Content-Encoding: {way}, but {wrong}")
    return Unpacked(body[: most + 1])


def _gunzipped(body: bytes, room: int, wbits: int = _EITHER) -> Unpacked:
    parts: list[bytes] = []
    # gzip may come in several members, one after the other.
    for _ in range(_MAX_MEMBERS):
        member = zlib.decompressobj(wbits)
        try:
            parts.append(member.decompress(body, room))
        except zlib.error as error:
            # Behind the last member anything may stand.
            return Unpacked(b"".join(parts), None if parts else str(error))
        room -= len(parts[-1])
        body = member.unused_data
        if room and not member.eof:
            return Unpacked(b"".join(parts), "it is cut off")
        if not room or not body:
            return Unpacked(b"".join(parts))
    return Unpacked(b"".join(parts), f"in more than {_MAX_MEMBERS} members")


def _inflated(body: bytes, room: int) -> Unpacked:
    done = _gunzipped(body, room)
    return _gunzipped(body, room, _RAW) if done.wrong and not done.body else done


def _read(reader: Callable[[IO[bytes]], WarcReader]) -> Callable[[bytes, int], Unpacked]:
    """Unpacks by a reader of fastwarc's."""

    def unpacked(body: bytes, room: int) -> Unpacked:
        parts: list[bytes] = []
        stream = reader(io.BytesIO(body))
        try:
            while room and (part := stream.read(min(room, _PIECE_BYTES))):
                parts.append(part)
                room -= len(part)
        except OSError as error:
            return Unpacked(b"".join(parts), str(error))
        return Unpacked(b"".join(parts))

    return unpacked


_UNPACKERS: dict[str, Callable[[bytes, int], Unpacked]] = {
    "gzip": _gunzipped,
    "x-gzip": _gunzipped,
    "deflate": _inflated,
    "br": _read(BrotliReader),
    "zstd": _read(ZstdReader),
}
