"""Reads from a picture's bytes what they say of its rights and its origin, within bounds."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from pairlake.ingest.images.picture import Right
from pairlake.ingest.images.rights.blocks import Block, blocks
from pairlake.ingest.images.rights.credentials import in_manifests
from pairlake.ingest.images.rights.tags import decoded, in_exif, in_iim
from pairlake.ingest.images.rights.xmp import in_xmp
from pairlake.lake.errors import MAX_TEXT_CHARS, as_text, in_words

MAX_BYTES = 2**20
MAX_BLOCKS = 64
MAX_RIGHTS = 64
# Stands for a property where a carrier could not be read, or not to its end; its value says why.
UNREADABLE = "unreadable"
_READERS = {"xmp": in_xmp, "exif": in_exif, "iim": in_iim}


def rights_in(body: bytes, kind: str) -> tuple[Right, ...]:
    """What the metadata of a picture says, each once; `kind` is as `picture_format` has it.

    At most MAX_BYTES of metadata in MAX_BLOCKS are read, and MAX_RIGHTS values kept, cut at
    MAX_TEXT_CHARS. Never raises: what cannot be read is a value of UNREADABLE.
    """
    rights: dict[Right, None] = {}
    for carrier, name, value in _said(body, kind):
        text = value.replace("\0", " ").strip() if isinstance(value, str) else ""
        if not text:
            continue
        if len(rights) == MAX_RIGHTS:
            rights[Right("file", UNREADABLE, f"more than {MAX_RIGHTS} values", False)] = None
            break
        rights[Right(carrier, name, as_text(text), len(text) > MAX_TEXT_CHARS)] = None
    return tuple(rights)


def _said(body: bytes, kind: str) -> Iterator[tuple[str, str, object]]:
    """Carriers, properties and values, of whatever type a stranger gives them."""
    left = MAX_BYTES
    try:
        for number, block in enumerate(blocks(body, kind)):
            if number == MAX_BLOCKS:
                raise ValueError(f"more than {MAX_BLOCKS} blocks of metadata")
            content = _unpacked(block.content, left) if block.packed else block.content
            if len(content) <= left:
                left -= len(content)
                yield from _in_block(block, content, body, kind)
                continue
            yield block.carrier, UNREADABLE, f"more than {MAX_BYTES:,} bytes of metadata"
            if block.packed:
                left = 0  # that much was unpacked in vain
    except Exception as error:  # noqa: BLE001 - what is broken here is not the picture
        yield "file", UNREADABLE, in_words(error)


def _in_block(
    block: Block, content: bytes, body: bytes, kind: str
) -> Iterator[tuple[str, str, object]]:
    carrier = block.carrier
    try:
        if carrier == "c2pa":
            yield from in_manifests(body, kind)
        elif carrier == "png_text":
            yield carrier, block.name, decoded(content)
        else:
            for name, value in _READERS[carrier](content):
                yield carrier, name, value
    except Exception as error:  # noqa: BLE001 - one carrier's damage is not the others'
        yield carrier, UNREADABLE, in_words(error)


def _unpacked(packed: bytes, most: int) -> bytes:
    """The content of a packed block: a byte above `most` if it is longer, nothing if damaged."""
    try:
        return zlib.decompressobj().decompress(packed, most + 1)
    except zlib.error:
        return b""
