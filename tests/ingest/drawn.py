"""Draws small pictures and encodes them in the ways of the web."""

from __future__ import annotations

import io
import random

from PIL import Image


def noise(width: int, height: int, seed: int = 0, mode: str = "RGB") -> Image.Image:
    """A picture that does not compress to nothing: blocks of random colours."""
    pixels = random.Random(seed).randbytes(16 * 16 * 3)
    small = Image.frombytes("RGB", (16, 16), pixels)
    return small.resize((width, height), Image.Resampling.BICUBIC).convert(mode)


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    """`image` as a file of Pillow's `format`."""
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


JPEG = encoded(noise(96, 64), "JPEG", quality=90)
