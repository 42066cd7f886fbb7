"""What decoding makes of bytes: a picture, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Opened:
    """What a picture's header says, and `load`, which decodes it in the size asked for.

    That is height x width x 3, RGB, or x 4, CMYK where `space` is that, and RGBA where it is not.
    `space` is what the file stores, GRAY, RGB or CMYK, and `profile` the colour profile, by which
    they are meant.
    """

    width: int
    height: int
    load: Callable[[tuple[int, int]], Pixels]
    frames: int = 1
    exif: bytes = b""
    profile: bytes = b""
    space: str = "RGB"


class Right(NamedTuple):
    """What a picture's own bytes say of its use or its origin: a property and one of its values.

    `carrier` is where it stands: xmp, exif, iim, png_text, c2pa, c2pa_ingredient, or file for all
    of it. The property is spelled as its standard has it; `is_cut` says that the value went on.
    """

    carrier: str
    property: str
    value: str
    is_cut: bool


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture that decoded completely.

    `width` and `height` are those of the original as it is shown, its EXIF orientation applied;
    `pixels` is a JPEG of `kept_width` x `kept_height`. `frames` is 1 unless it is animated.
    `rights` are what the original says of its use, which its pixels do not.
    """

    format: str
    width: int
    height: int
    frames: int
    pixels: bytes
    kept_width: int
    kept_height: int
    rights: tuple[Right, ...] = ()

    @property
    def held_bytes(self) -> int:
        """How much memory it takes until it lands, about: a character of its rights is one byte."""
        return len(self.pixels) + sum(len(right.value) for right in self.rights)


@dataclass(frozen=True, kw_only=True)
class Unusable:
    """Why bytes are no picture of use: the outcome of their download, and the words for it.

    `is_deadly` says that they took their decoder along, or all its memory.
    """

    outcome: str
    error: str
    is_deadly: bool = False


# More pixels, or in a costlier form, than its decoder has memory for.
TOO_HUNGRY = Unusable(
    outcome="too_many_pixels", error="it takes more memory than its decoder has", is_deadly=True
)
