"""Reads the notices in EXIF, by Pillow, and in IPTC IIM, and the bytes of texts."""

from __future__ import annotations

import re
import struct
import warnings
from collections.abc import Iterator

from PIL import ExifTags, Image

_NOTICES = {ExifTags.Base.Artist: "Artist", ExifTags.Base.Copyright: "Copyright"}
# Where generators keep how they made a JPEG or WebP. Of other comments there are many, and to
# look for them takes Pillow a tenth of a millisecond.
_GENERATED = re.compile(r"\bSteps: \d+, ")
_STEPS = (b"Steps: ", b"S\0t\0e\0p\0s\0:\0 ")
_IIM = {80: "By-line", 110: "Credit", 116: "Copyright Notice"}
_IIM_RESOURCE = 0x0404


def in_exif(content: bytes) -> Iterator[tuple[str, str]]:
    """Who made a picture and what they say of it; UserComment where a generator wrote it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is odd and of no use here
        exif = Image.Exif()
        exif.load(content)
        notices = [(name, exif.get(tag)) for tag, name in _NOTICES.items()]
        may_be_generated = any(steps in content for steps in _STEPS)
        more = exif.get_ifd(ExifTags.IFD.Exif) if may_be_generated else {}
    for name, value in notices:
        if isinstance(value, str):
            # Pillow takes the bytes for Latin-1, whatever they are.
            yield name, decoded(value.encode("latin-1"))
    comment = more.get(ExifTags.Base.UserComment)
    if isinstance(comment, bytes):
        text = _commented(comment)
        if _GENERATED.search(text):
            yield "UserComment", text


def _commented(comment: bytes) -> str:
    """A comment's text: before it stands in what it is written."""
    written, text = comment[:8], comment[8:]
    if written != b"UNICODE\0":
        return decoded(text)
    # In the order of the file's numbers, or in the other one: which is not said.
    return text.decode("utf-16-be" if text[:1] == b"\0" else "utf-16-le", "replace")


def in_iim(content: bytes) -> Iterator[tuple[str, str]]:
    """By-lines, credits and copyright notices among Photoshop's resources in a JPEG.

    Pillow's reader takes a third of a millisecond, and gives nothing of what is damaged anywhere.
    Raises ValueError behind what stands before damage.
    """
    at = 0
    while content.startswith(b"8BIM", at):
        kind, name = struct.unpack_from(">HB", content, at + 4)
        at += 6 + (1 + name + 1) // 2 * 2
        end = at + 4 + int.from_bytes(content[at : at + 4])
        if kind == _IIM_RESOURCE:
            yield from _in_records(content[at + 4 : end])
        at = end + end % 2


def _in_records(records: bytes) -> Iterator[tuple[str, str]]:
    at = 0
    while records[at : at + 1] == b"\x1c":
        record, number, length = struct.unpack_from(">BBH", records, at + 1)
        at += 5
        if length & 0x8000:
            # It says how many bytes the length itself has.
            wide = length & 0x7FFF
            length = int.from_bytes(records[at : at + wide])
            at += wide
        if at + length > len(records):
            raise ValueError("a value that goes on behind the end")
        if record == 2 and number in _IIM:
            yield _IIM[number], decoded(records[at : at + length])
        at += length


def decoded(text: bytes) -> str:
    """Bytes as text: in UTF-8, or where they are none in Windows-1252, as Latin-1 is meant."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("cp1252", "replace")
