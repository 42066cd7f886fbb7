"""Finds where the metadata of a picture stands, by a walk that leaves its pixels alone."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

from PIL import Image

from pairlake.ingest.images.jpeg_segments import MARKER, SOS
from pairlake.ingest.images.rights.names import PNG_TEXTS

_XMP, _EXTENSION = b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
_PHOTOSHOP = b"Photoshop 3.0\0"
_APP1, _APP11, _APP13, _EOI = 0xE1, 0xEB, 0xED, 0xD9
# What tells one extended packet from others, how long it is, and where a part of it belongs.
_PART = struct.Struct(">32sII")
_PNG = (b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"caBX")
_PNG_XMP = "XML:com.adobe.xmp"
_GIF_XMP, _GIF_C2PA = b"\x0bXMP DataXMP", b"\x0bC2PA_GIF\1\0\0"
# Behind the packet in a GIF, so that who takes it for blocks comes to its end.
_GIF_TRAILER = b"\1\xff\xfe\xfd"
_AVIF_C2PA = b"\xd8\xfe\xc3\xd6\x1b\x0eH<\x92\x97X(\x87~\xc4\x81"
_WEBP = {b"XMP ": "xmp", b"EXIF": "exif", b"C2PA": "c2pa"}
# Chunks, boxes and blocks, of which a picture has some thousands.
MAX_STEPS = 100_000
_TOO_MANY = f"more than {MAX_STEPS:,} parts"


class Block(NamedTuple):
    """Metadata of one carrier as it stands: `name` is a text's keyword; `packed` is by zlib."""

    carrier: str
    content: bytes
    name: str = ""
    packed: bool = False


def blocks(body: bytes, kind: str) -> Iterator[Block]:
    """The blocks of a picture that decodes, of `kind` as `picture_format` has it.

    Raises ValueError behind those that stand in the first MAX_STEPS parts of a picture of more.
    """
    walk = _WALKS.get(kind)
    return iter(()) if walk is None else walk(body)


def _of_jpeg(body: bytes) -> Iterator[Block]:
    packets: list[bytes] = []
    parts: dict[bytes, list[tuple[int, bytes]]] = {}
    resources: list[bytes] = []
    manifest: list[bytes] = []
    for marker, content in _segments(body):
        if marker == _APP1 and content.startswith(_XMP):
            packets.append(content[len(_XMP) :])
            yield Block("xmp", packets[-1])
        elif marker == _APP1 and content.startswith(_EXTENSION):
            start = len(_EXTENSION) + _PART.size
            if len(content) > start:
                guid, _, at = _PART.unpack_from(content, len(_EXTENSION))
                parts.setdefault(guid, []).append((at, content[start:]))
        elif marker == _APP1 and content.startswith(b"Exif\0"):
            yield Block("exif", content[6:])
        elif marker == _APP13 and content.startswith(_PHOTOSHOP):
            resources.append(content[len(_PHOTOSHOP) :])
        elif marker == _APP11 and content.startswith(b"JP"):
            manifest.append(content)
    # What no packet names is another picture's.
    for guid, extension in parts.items():
        if any(guid in packet for packet in packets):
            yield Block("xmp", _joined(extension))
    if resources:
        yield Block("iim", b"".join(resources))
    if manifest:
        yield Block("c2pa", b"".join(manifest))


def _segments(body: bytes) -> Iterator[tuple[int, bytes]]:
    """The segments of a JPEG before its pixels; `jpeg_segments` walks over those as well.

    It has refused pictures of more segments than some thousands.
    """
    found = MARKER.search(body, 2)
    while found and (marker := body[found.end() - 1]) not in (SOS, _EOI):
        start = found.end()
        end = start + max(2, int.from_bytes(body[start : start + 2]))
        yield marker, body[start + 2 : end]
        found = MARKER.search(body, end)


def _joined(parts: list[tuple[int, bytes]]) -> bytes:
    """An extended packet; as far as it goes, where a part of it is missing."""
    packet = bytearray()
    for at, content in sorted(parts):
        if at != len(packet):
            break
        packet += content
    return bytes(packet)


def _of_png(body: bytes) -> Iterator[Block]:
    for start, kind, length in _chunks(body, 8, ">I4s", lambda length: 12 + length):
        content = body[start : start + length] if kind in _PNG else b""
        if kind == b"eXIf":
            yield Block("exif", content)
        elif kind == b"caBX":
            yield Block("c2pa", content)
        elif content:
            yield from _text(kind, content)


def _text(kind: bytes, content: bytes) -> Iterator[Block]:
    keyword, _, text = content.partition(b"\0")
    name = keyword.decode("latin-1")
    packed = kind == b"zTXt"
    if kind == b"zTXt":
        text = text[1:]
    elif kind == b"iTXt":
        packed = text[:1] == b"\1"
        # A language and the keyword in it.
        text = text[2:].partition(b"\0")[2].partition(b"\0")[2]
    if name == _PNG_XMP:
        yield Block("xmp", text, packed=packed)
    elif name in PNG_TEXTS:
        yield Block("png_text", text, name, packed)


def _of_webp(body: bytes) -> Iterator[Block]:
    for start, kind, length in _chunks(body, 12, "<4sI", lambda length: 8 + length + length % 2):
        if kind in _WEBP:
            yield Block(_WEBP[kind], body[start : start + length])


def _of_avif(body: bytes) -> Iterator[Block]:
    with Image.open(io.BytesIO(body), formats=["avif"]) as image:
        for name in ("xmp", "exif"):
            if content := image.info.get(name):
                yield Block(name, content)
    # What is shorter than its head goes on to the end, or is longer than any picture.
    for start, kind, length in _chunks(body, 0, ">I4s", lambda length: max(length, 8)):
        if kind == b"uuid" and body.startswith(_AVIF_C2PA, start):
            yield Block("c2pa", body[start : start + length])
        if length < 8:
            return


def _chunks(
    body: bytes, at: int, head: str, step: Callable[[int], int]
) -> Iterator[tuple[int, bytes, int]]:
    """Of chunks from `at` on, where the content begins, the kind and the length as it is told.

    `step` makes of that how far it is to the next one.
    """
    for _ in range(MAX_STEPS):
        if at + 8 > len(body):
            return
        told = struct.unpack_from(head, body, at)
        kind, length = sorted(told, key=lambda part: isinstance(part, int))
        yield at + 8, kind, length
        at += step(length)
    raise ValueError(_TOO_MANY)


def _of_gif(body: bytes) -> Iterator[Block]:
    for extension in _extensions(body):
        if extension.startswith(_GIF_XMP):
            yield Block("xmp", extension[len(_GIF_XMP) :].partition(_GIF_TRAILER)[0])
        elif extension.startswith(_GIF_C2PA):
            yield Block("c2pa", extension)


def _extensions(body: bytes) -> Iterator[bytes]:
    """The extensions before the first frame of a GIF: what is meant for all of it stands there."""
    flags = body[10]
    at = 13 + (3 * 2 ** (1 + flags % 8) if flags & 0x80 else 0)
    start = None
    for _ in range(MAX_STEPS):
        if start is None:
            if body[at : at + 1] != b"!":
                return
            start = at = at + 2
        elif length := int.from_bytes(body[at : at + 1]):
            at += 1 + length
        else:
            yield body[start:at]
            start, at = None, at + 1
    raise ValueError(_TOO_MANY)


_WALKS: dict[str, Callable[[bytes], Iterator[Block]]] = {
    "jpeg": _of_jpeg,
    "png": _of_png,
    "webp": _of_webp,
    "gif": _of_gif,
    "avif": _of_avif,
}
