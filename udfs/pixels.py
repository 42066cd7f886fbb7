"""Stored pixels back as pictures, with a failure as a value."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from pairlake.lake.pictures import on_white
from pairlake.udfs.job import Udf

# (H, W, 3), red, green and blue from 0 to 255.
Picture = NDArray[np.uint8]

# Joins a worklist of images with the one row of pixels that it names.
READ_PIXELS = """
select work.image_id, image_pixels.pixels
from work
left join lake.raw.image_pixels using (image_id, attempt_id)
"""


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """The pictures of one batch that could be read, and what came of each row.

    `outcomes` has a value for each row: ok, pixels_missing or pixels_unreadable; `pictures` one for
    each ok, until they are let go.
    """

    image_ids: pa.Array
    pictures: Sequence[Picture]
    outcomes: Sequence[str]
    errors: Sequence[str | None]

    def rows(self, name: str, values: pa.Array) -> pa.Table:
        """(image_id, outcome, error, `name`), with `values` in the rows of the pictures."""
        is_ok = [outcome == "ok" for outcome in self.outcomes]
        places = pa.array(np.where(is_ok, np.cumsum(is_ok) - 1, 0), mask=~np.array(is_ok, bool))
        return pa.table(
            {
                "image_id": self.image_ids,
                "outcome": pa.array(self.outcomes, pa.string()),
                "error": pa.array(self.errors, pa.string()),
                name: values.take(places),
            }
        )


def decode(batch: pa.RecordBatch) -> Decoded:
    """The pictures of a batch of (image_id, pixels); what cannot be read is an outcome."""
    pictures: list[Picture] = []
    outcomes: list[str] = []
    errors: list[str | None] = []
    for pixels in batch["pixels"].to_pylist():
        error = None
        try:
            if pixels is not None:
                pictures.append(read_picture(pixels))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as unreadable:
            error = str(unreadable) or type(unreadable).__name__
        outcomes.append(
            "pixels_missing" if pixels is None else "pixels_unreadable" if error else "ok"
        )
        errors.append(error)
    return Decoded(image_ids=batch["image_id"], pictures=pictures, outcomes=outcomes, errors=errors)


def read_picture(pixels: bytes) -> Picture:
    """The picture that kept pixels are; transparent parts stand on white, as `fetch` has it."""
    if simplejpeg.is_jpeg(pixels):
        rgb: Picture = simplejpeg.decode_jpeg(pixels, "RGB")
        return rgb
    return np.asarray(on_white(Image.open(io.BytesIO(pixels))))


def picture_udf(
    name: str, type_: pa.DataType, score: Callable[[Sequence[Picture]], Iterable[Any]]
) -> Udf:
    """A udf that gives the column `name` to pictures: `score` makes as many values as it gets."""

    def rows(decoded: Decoded) -> pa.Table:
        values = score(decoded.pictures) if decoded.pictures else []
        return decoded.rows(name, pa.array(list(values), type_))

    return Udf(prepare=decode, score=rows)
