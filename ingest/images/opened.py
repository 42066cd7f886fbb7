"""A picture of which only the header was read, by which its use is judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image


@dataclass(frozen=True, kw_only=True)
class Opened:
    """What a picture's header says, and `load`, which decodes it in the size asked for.

    That is as RGB, RGBA or CMYK. `space` is what the file stores, GRAY, RGB or CMYK, and `profile`
    the colour profile, by which they are meant.
    """

    width: int
    height: int
    load: Callable[[tuple[int, int]], Image.Image]
    frames: int = 1
    exif: bytes = b""
    profile: bytes = b""
    space: str = "RGB"
