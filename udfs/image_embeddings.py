"""The CLIP embedding of each picture. Writes enriched.image_embeddings.

`pairlake enrich image_embeddings`. L2-normalised, as little-endian float16 bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pairlake.lake.vectors import to_blobs
from pairlake.udfs import clip
from pairlake.udfs.device import in_blocks
from pairlake.udfs.job import Bound, Model, Stage, Udf
from pairlake.udfs.pixels import READ_PIXELS, Decoded, decode, read_picture

kind = "image_encoder"
keys = ("image_id",)
values = {"embedding": "BLOB"}
stages: tuple[Stage, ...] = ("encode", "encode again")
worklist = "int_images_awaiting_embedding"
bound_by: Bound = "gpu"
read = READ_PIXELS


def picture_encoder(name: str) -> Callable[[bytes], NDArray[np.float32]]:
    """What turns the pixels of one picture, as they are kept, into (D,); loaded once."""
    encoder = clip.encoder(name)

    def encode(pixels: bytes) -> NDArray[np.float32]:
        # Not in a block: a query is encoded once, and need not be the same to the last bit.
        image_BCHW = encoder.prepare([read_picture(pixels)])
        embedding_D: NDArray[np.float32] = encoder.encode_images(image_BCHW)[0]
        return embedding_D

    return encode


def identify(name: str) -> Model:
    """The CLIP model of that name."""
    return clip.identify(name, kind)


def load(model: Model) -> Udf:
    """(image_id, pixels) → (image_id, outcome, error, embedding)."""
    encoder = clip.encoder(model.name)

    def prepare(batch: pa.RecordBatch) -> tuple[Decoded, Any]:
        decoded = decode(batch)
        image_BCHW = encoder.prepare(in_blocks(decoded.pictures)) if decoded.pictures else None
        # The pictures go now: those of sixteen batches that wait would take a gigabyte.
        return replace(decoded, pictures=()), image_BCHW

    def embed(prepared: tuple[Decoded, Any]) -> pa.Table:
        decoded, image_BCHW = prepared
        if image_BCHW is None:
            return decoded.rows("embedding", pa.array([], pa.binary()))
        embedding_BD = encoder.encode_images(image_BCHW)[: decoded.outcomes.count("ok")]
        return decoded.rows("embedding", to_blobs(embedding_BD))

    return Udf(prepare=prepare, score=embed, device=encoder.device.name)
