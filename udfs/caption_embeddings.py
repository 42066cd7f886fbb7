"""The CLIP embedding of each caption. Writes enriched.caption_embeddings.

`pairlake enrich caption_embeddings`. L2-normalised, as little-endian float16 bytes. Which encoder
a caption goes to follows from its language, and SQL decides that in the worklist.
"""

from __future__ import annotations

import pyarrow as pa

from lake.vectors import to_blobs
from udfs import clip
from udfs.job import Model, Udf

table = "enriched.caption_embeddings"
worklist = "int_captions_awaiting_embedding"
kind = "caption_encoder"
read = "select caption_id, caption from work"


def identify(name: str) -> Model:
    """The CLIP model of that name."""
    return clip.identify(name, kind)


def load(model: Model) -> Udf:
    """(caption_id, caption) → (caption_id, outcome, embedding)."""
    encoder = clip.encoder(model.name)

    def embed(batch: pa.RecordBatch) -> pa.Table:
        captions = clip.in_eights(batch["caption"].to_pylist())
        rows = to_blobs(encoder.encode_captions(captions))
        return pa.table(
            {
                "caption_id": batch["caption_id"],
                "outcome": ["ok"] * batch.num_rows,
                "embedding": rows.slice(0, batch.num_rows),
            }
        )

    return embed
