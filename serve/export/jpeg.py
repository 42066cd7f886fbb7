"""Kept pixels as JPEG: as they are where they are one, else converted."""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import Image

_MAGIC = b"\xff\xd8\xff"
# As `fetch` keeps pictures.
_QUALITY = 95


@dataclass(frozen=True, kw_only=True)
class Jpeg:
    """The bytes of a JPEG, and its size in pixels."""

    content: bytes
    width: int
    height: int


def jpeg_of(pixels: bytes | None) -> Jpeg | None:
    """The picture as JPEG; what is transparent stands on white. None if it cannot be read."""
    if pixels is None:
        return None
    try:
        # This reads the header only.
        with Image.open(io.BytesIO(pixels), formats=("JPEG", "PNG", "WEBP")) as image:
            content = pixels if pixels.startswith(_MAGIC) else _converted(image)
            return Jpeg(content=content, width=image.width, height=image.height)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None


def _converted(image: Image.Image) -> bytes:
    rgba = image.convert("RGBA")
    flat = Image.new("RGB", rgba.size, "white")
    flat.paste(rgba, mask=rgba)
    file = io.BytesIO()
    flat.save(file, "JPEG", quality=_QUALITY, subsampling=0)
    return file.getvalue()
