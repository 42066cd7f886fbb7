"""Makes colour profiles that no eye could miss."""

from __future__ import annotations

import struct

from PIL import ImageCms

_WHITE = b"XYZ \0\0\0\0" + struct.pack(">iii", 0xF6D6, 0x10000, 0xD32D)
_LINEAR = b"curv" + bytes(8)


def profile(space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    """A profile of version 2 for a printer or screen of those colours."""
    at = 132 + 12 * len(tags)
    table, contents = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        table += name + struct.pack(">II", at + len(contents), len(content))
        contents += content + bytes(-len(content) % 4)
    size = at + len(contents)
    head = struct.pack(">I4s4s4s4s4s", size, bytes(4), b"\2\x40\0\0", b"prtr", space, connection)
    head += bytes(12) + b"acsp" + bytes(28) + _WHITE[8:] + bytes(48)
    return head + table + contents


def swapped() -> bytes:
    """sRGB, with what is red called green, and green red."""
    whole = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return whole.replace(b"rXYZ", b"temp").replace(b"gXYZ", b"rXYZ").replace(b"temp", b"gXYZ")


def srgb() -> bytes:
    """sRGB itself."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


# 128 of grey is half of white's light, which is 188 in sRGB.
LINEAR_GREY = profile(b"GRAY", b"XYZ ", {b"wtpt": _WHITE, b"kTRC": _LINEAR})

# Of all inks but black nothing is seen.
_TABLE = b"mft1\0\0\0\0\4\3\2\0" + struct.pack(">9i", *[65536, 0, 0, 0] * 2, 65536)
_TABLE += bytes(range(256)) * 4 + bytes([255, 128, 128, 0, 128, 128]) * 8 + bytes(range(256)) * 3
BLACK_ALONE = profile(b"CMYK", b"Lab ", {b"wtpt": _WHITE, b"A2B0": _TABLE})
