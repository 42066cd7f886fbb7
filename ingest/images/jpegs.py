"""Decodes JPEGs strictly: a warning of damage to the pixels is an error."""

from __future__ import annotations

import re
from functools import partial
from math import ceil

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import Image

from pairlake.ingest.images.jpeg_segments import read
from pairlake.ingest.images.jpeg_zeros import is_zeroed
from pairlake.ingest.images.opened import Opened

MAX_SCANS = 100
# What some programs leave between the last pixels and the end. Pictures that a few damaged bytes
# brought out of step left 58 and more, of 165.
MAX_PADDING_BYTES = 32
_PADDING = re.compile(r"(\d+) extraneous bytes before marker 0xd9")
_SPACES = {"Gray": "GRAY", "CMYK": "CMYK", "YCCK": "CMYK"}

Pixels = npt.NDArray[np.uint8]


class Uncommon(Exception):
    """A JPEG that stores colours at fractions of the size for which simplejpeg has no name."""

    def __init__(self) -> None:
        super().__init__("a JPEG of an uncommon subsampling")


def open_jpeg(body: bytes) -> Opened:
    """A JPEG. Unlike Pillow, simplejpeg takes libjpeg's warnings for errors."""
    jpeg = read(body)
    # Each scan goes over the whole picture again; a picture has some ten.
    if jpeg.scans > MAX_SCANS:
        raise ValueError(f"more than {MAX_SCANS} scans")
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(jpeg.plain)
    except (KeyError, ValueError) as error:
        # Pillow decodes others too, but says nothing of damage in them.
        if isinstance(error, KeyError) or "subsampling" in str(error):
            raise Uncommon from error
        raise
    space = _SPACES.get(colours, "RGB")
    return Opened(
        width=width,
        height=height,
        exif=jpeg.exif,
        profile=jpeg.profile,
        space=space,
        load=partial(_load, jpeg.plain, space),
    )


def _load(body: bytes, space: str, kept: tuple[int, int]) -> Image.Image:
    # It is decoded at a few eighths of its size, not far above what is kept. That leaves out the
    # finer detail, so that the rest is cheap: 90 photographs came as near to Lanczos' (from 31.5 dB
    # on) as by averaging areas of twice the size (from 31.4 on), in half the time.
    mode = "CMYK" if space == "CMYK" else "RGB"
    whole = _strictly(body, mode, (ceil(1.5 * kept[0]), ceil(1.5 * kept[1])))
    shown = cv2.resize(whole, kept, interpolation=cv2.INTER_LINEAR)
    if space == "CMYK":
        # As Adobe's programs store them, and as browsers take all, whoever stored them.
        shown = 255 - shown
    return Image.fromarray(shown, mode)


def _strictly(body: bytes, mode: str, enough: tuple[int, int]) -> Pixels:
    decode = partial(simplejpeg.decode_jpeg, min_width=enough[0], min_height=enough[1])
    try:
        pixels: Pixels = decode(body, mode)
    except ValueError as error:
        padding = _PADDING.search(str(error))
        if padding is None or int(padding[1]) > MAX_PADDING_BYTES:
            raise
        # This is but the last of its warnings: without the padding, others come up.
        body = body[: -2 - int(padding[1])] + body[-2:]
        pixels = decode(body, mode)
    if is_zeroed(body):
        raise ValueError("a stretch of zeros amid the pixels")
    return pixels
