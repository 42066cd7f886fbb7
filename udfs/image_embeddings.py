"""The CLIP embedding of each picture. Writes enriched.image_embeddings.

`pairlake enrich image_embeddings`. L2-normalised, as little-endian float16 bytes.
"""

from __future__ import annotations

import pyarrow as pa
from PIL import Image

from lake.vectors import to_blobs
from udfs import clip
from udfs.job import Model, Udf
from udfs.pixels import READ_PIXELS, decode

table = "enriched.image_embeddings"
worklist = "int_images_awaiting_embedding"
kind = "image_encoder"
read = READ_PIXELS


def identify(name: str) -> Model:
    """The CLIP model of that name."""
    return clip.identify(name, kind)


def load(model: Model) -> Udf:
    """(image_id, pixels) → (image_id, outcome, error, embedding)."""
    encoder = clip.encoder(model.name)

    def embed(batch: pa.RecordBatch) -> pa.Table:
        pictures, outcomes, errors = decode(batch["pixels"])
        readable = [p for p in pictures if p is not None]
        blobs = iter(_blobs(encoder, readable) if readable else [])
        return pa.table(
            {
                "image_id": batch["image_id"],
                "outcome": outcomes,
                "error": pa.array(errors, pa.string()),
                "embedding": pa.array([p and next(blobs) for p in pictures], pa.binary()),
            }
        )

    return embed


def _blobs(encoder: clip.Encoder, pictures: list[Image.Image]) -> list[bytes]:
    rows: list[bytes] = to_blobs(encoder.encode_images(clip.in_eights(pictures))).to_pylist()
    return rows[: len(pictures)]
