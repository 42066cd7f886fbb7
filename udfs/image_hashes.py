"""A 64-bit perceptual hash of each picture. Writes enriched.image_hashes.

`pairlake enrich image_hashes`. The DCT hash of imagehash (8 by 8 low frequencies of a 32 by 32
grey picture, against their median), as one signed BIGINT; alike pictures differ in few bits.
"""

from __future__ import annotations

from importlib.metadata import version

import imagehash
import numpy as np
import pyarrow as pa
from PIL import Image

from pairlake.udfs.job import Model, ModelUnavailable, Stage, Udf
from pairlake.udfs.pixels import READ_PIXELS, Picture, picture_udf

kind = "image_hash"
keys = ("image_id",)
values = {"phash": "BIGINT"}
stages: tuple[Stage, ...] = ("encode",)
worklist = "int_images_awaiting_hash"
read = READ_PIXELS


def identify(name: str) -> Model:
    """The one hash there is, `phash`."""
    if name != "phash":
        raise ModelUnavailable(f"There is no perceptual hash {name!r}; a recipe may name phash.")
    return Model(
        name=name,
        kind=kind,
        weights_sha256=f"imagehash {version('imagehash')}",
        preprocessing="hash_size=8 highfreq_factor=4",
    )


def load(model: Model) -> Udf:
    """(image_id, pixels) → (image_id, outcome, error, phash)."""
    return picture_udf("phash", pa.int64(), lambda pictures: list(map(phash, pictures)))


def phash(picture: Picture) -> int:
    """The hash's 64 bits, row by row, most significant first, read as a signed integer."""
    bits = imagehash.phash(Image.fromarray(picture), hash_size=8, highfreq_factor=4).hash
    return int(np.packbits(bits).view(">i8")[0])
