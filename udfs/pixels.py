"""Stored pixels back as pictures, with a failure as a value."""

from __future__ import annotations

import io

import pyarrow as pa
from PIL import Image

# Joins a worklist of images with the one row of pixels that it names.
READ_PIXELS = """
select work.image_id, image_pixels.pixels
from work
left join lake.raw.image_pixels using (image_id, attempt_id)
"""


def decode(pixels: pa.Array) -> tuple[list[Image.Image | None], list[str], list[str | None]]:
    """Pictures (RGB, or None), outcomes (ok, pixels_missing, pixels_unreadable) and errors."""
    pictures: list[Image.Image | None] = []
    outcomes: list[str] = []
    errors: list[str | None] = []
    for blob in pixels.to_pylist():
        try:
            pictures.append(None if blob is None else Image.open(io.BytesIO(blob)).convert("RGB"))
            outcomes.append("pixels_missing" if blob is None else "ok")
            errors.append(None)
        except (OSError, ValueError) as error:
            pictures.append(None)
            outcomes.append("pixels_unreadable")
            errors.append(str(error))
    return pictures, outcomes, errors
