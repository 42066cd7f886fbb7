"""Reads the notices in EXIF and IPTC IIM, by Pillow, and in the texts of a PNG."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

from PIL import ExifTags, Image, IptcImagePlugin

_NOTICES = {ExifTags.Base.Artist: "Artist", ExifTags.Base.Copyright: "Copyright"}
_IIM = {(2, 80): "By-line", (2, 110): "Credit", (2, 116): "Copyright Notice"}
# Where generators keep how they made a JPEG or WebP. Of other comments there are many.
_GENERATED = re.compile(r"\bSteps: \d+, ")


def in_exif(content: bytes) -> Iterator[tuple[str, str]]:
    """Who made a picture and what they say of it; UserComment where a generator wrote it."""
    exif = Image.Exif()
    exif.load(content)
    for tag, name in _NOTICES.items():
        value = exif.get(tag)
        if isinstance(value, str):
            # Pillow takes the bytes for Latin-1, whatever they are.
            yield name, decoded(value.encode("latin-1"))
    comment = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment)
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


def in_iim(body: bytes) -> Iterator[tuple[str, str]]:
    """By-lines, credits and copyright notices of a JPEG."""
    with Image.open(io.BytesIO(body), formats=["jpeg"]) as image:
        noted = IptcImagePlugin.getiptcinfo(image) or {}
    for key, name in _IIM.items():
        values = noted.get(key, [])
        for value in values if isinstance(values, list) else [values]:
            yield name, decoded(value)


def decoded(text: bytes) -> str:
    """Bytes as text: in UTF-8, or where they are none in Windows-1252, as Latin-1 is meant."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("cp1252", "replace")
