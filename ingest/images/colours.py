"""Turns the colours of a picture into sRGB, by the colour profile that it brings."""

from __future__ import annotations

import io
from functools import cache, lru_cache

import numpy as np
from PIL import Image, ImageCms

from pairlake.ingest.images.picture import Pixels

# Those of presses, the longest there are, have some 3 MB.
MAX_PROFILE_BYTES = 4_000_000
# A profile that changes no colour by more than so many of 255 levels is sRGB itself in one of its
# versions, as most are that pictures bring.
_UNSEEN = 2
# Pillow's modes, by what profiles call their colours.
_MODES = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK"}


def in_srgb(pixels: Pixels, profile: bytes, space: str) -> Pixels:
    """The pixels as RGB, or RGBA if they are that, in sRGB; a damaged profile counts as none.

    `space` is what their file stores, GRAY, RGB or CMYK; a profile of another one says nothing of
    it. Of CMYK, and no other, the pixels are CMYK.
    """
    transform = _transform(profile, space) if 0 < len(profile) <= MAX_PROFILE_BYTES else None
    if space == "CMYK":
        image = Image.fromarray(pixels, space)
    elif transform is None:
        return pixels
    else:
        image = Image.fromarray(pixels)
    if transform is None:
        return np.asarray(image.convert("RGB"))
    shown = transform.apply(image.convert(_MODES[space]))
    if image.mode == "RGBA":
        shown.putalpha(image.getchannel("A"))
    return np.asarray(shown)


# Many pictures bring the same, and making one takes as long as its use.
@lru_cache(maxsize=8)
def _transform(profile: bytes, space: str) -> ImageCms.ImageCmsTransform | None:
    """The way from a profile to sRGB; None if it is damaged, of other colours, or does nothing."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if source.profile.xcolor_space.strip() != space:
            return None
        transform = ImageCms.ImageCmsTransform(source, _srgb(), _MODES[space], "RGB")
    except (OSError, ValueError):
        return None
    return None if space != "CMYK" and _is_unseen(transform, _MODES[space]) else transform


@cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def _is_unseen(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    levels = np.linspace(0, 255, 18).astype(np.uint8)
    grid = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(18, -1, 3)
    colours = Image.fromarray(grid).convert(mode)
    change = np.asarray(transform.apply(colours), np.int16) - np.asarray(colours.convert("RGB"))
    return int(np.abs(change).max()) <= _UNSEEN
