"""How likely each picture carries a visible watermark. Writes enriched.image_watermarks.

`pairlake enrich image_watermarks`. By a small network of our own over the pixels themselves;
`udfs/watermark/MODEL_CARD.md` says what it was trained on and how good it is.
"""

from __future__ import annotations

import pyarrow as pa

from pairlake.udfs.job import Model, ModelUnavailable, Udf
from pairlake.udfs.pixels import READ_PIXELS, picture_udf
from pairlake.udfs.watermark.weights import PREPROCESSING, sha256

kind = "watermark"
keys = ("image_id",)
values = {"pwatermark": "FLOAT"}
read = READ_PIXELS

WATERMARK_CNN = "watermark_cnn"


def identify(name: str) -> Model:
    """The one detector there is, `watermark_cnn`."""
    if name != WATERMARK_CNN:
        raise ModelUnavailable(
            f"There is no watermark detector {name!r}; a recipe may name {WATERMARK_CNN}."
        )
    return Model(name=name, kind=kind, weights_sha256=sha256(), preprocessing=PREPROCESSING)


def load(model: Model) -> Udf:
    """(image_id, pixels) → (image_id, outcome, error, pwatermark)."""
    # Imported when it is asked for: it loads torch.
    from pairlake.udfs.watermark.network import Detector

    return picture_udf("pwatermark", pa.float32(), Detector().score_pixels)
