"""What decoding makes of bytes: a picture, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

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


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture that decoded completely.

    `width` and `height` are those of the original as it is shown, its EXIF orientation applied;
    `pixels` is a JPEG of `kept_width` x `kept_height`. `frames` is 1 unless it is animated.
    """

    format: str
    width: int
    height: int
    frames: int
    pixels: bytes
    kept_width: int
    kept_height: int


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
