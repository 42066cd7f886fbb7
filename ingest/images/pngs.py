"""Leaves of a PNG what its pixels need, so that nothing else can spoil them."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from ingest.images.colours import MAX_PROFILE_BYTES

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_END = b"\0\0\0\0IEND\xaeB`\x82"
_NEEDED = (b"IHDR", b"PLTE", b"IDAT")
_FRAME_BYTES = 12  # of a chunk beside its content: length, name and checksum
# How long a transparent colour is, by the type of the pixels: grey, or of three colours.
_TRANSPARENT_BYTES = {0: 2, 2: 6}


@dataclass(kw_only=True)
class Png:
    """A PNG of pixels alone, `plain`, and what else is to be known of the picture."""

    plain: bytes = b""
    pixel_type: int = 0
    frames: int = 1
    exif: bytes = b""
    profile: bytes = b""

    @property
    def is_grey(self) -> bool:
        """Whether its pixels are grey, with transparency or without."""
        return self.pixel_type in (0, 4)


def read(body: bytes) -> Png:
    """The PNG as far as its chunks go; ValueError where one that its pixels need is damaged.

    Others are left out if they are damaged, as in browsers, and so are texts, of whatever length,
    and the later frames of an animation.
    """
    png = Png()
    kept = [_SIGNATURE]
    at = len(_SIGNATURE)
    while at + _FRAME_BYTES <= len(body):
        length, kind = struct.unpack_from(">I4s", body, at)
        content = body[at + 8 : at + 8 + length]
        end = at + _FRAME_BYTES + length
        if kind == b"IEND" or end > len(body):
            break
        is_sound = zlib.crc32(content, zlib.crc32(kind)) == int.from_bytes(body[end - 4 : end])
        if kind in _NEEDED and not is_sound:
            raise ValueError(f"a wrong checksum of {kind.decode()}")
        if is_sound and (kind in _NEEDED or _note(png, kind, content)):
            kept.append(body[at:end])
        if kind == b"IHDR":
            png.pixel_type = content[9]
        at = end
    png.plain = b"".join([*kept, _END])
    return png


def _note(png: Png, kind: bytes, content: bytes) -> bool:
    """Keep what a chunk says beside the pixels; True if it is how transparent they are."""
    if kind == b"acTL":
        # The standard has no greater numbers; what says otherwise is no animation.
        frames = int.from_bytes(content[:4])
        png.frames = frames if 0 < frames < 2**31 else 1
    elif kind == b"eXIf":
        png.exif = content
    elif kind == b"iCCP":
        png.profile = _unpacked(content.partition(b"\0")[2][1:])
    elif kind == b"tRNS":
        return png.pixel_type == 3 or len(content) == _TRANSPARENT_BYTES.get(png.pixel_type)
    return False


def _unpacked(packed: bytes) -> bytes:
    """A packed colour profile; none if it is damaged or longer than any."""
    try:
        profile = zlib.decompressobj().decompress(packed, MAX_PROFILE_BYTES + 1)
    except zlib.error:
        return b""
    return profile if len(profile) <= MAX_PROFILE_BYTES else b""
