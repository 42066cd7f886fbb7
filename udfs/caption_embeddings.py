"""The CLIP embedding of each caption. Writes enriched.caption_embeddings.

`pairlake enrich caption_embeddings`. L2-normalised, as little-endian float16 bytes. Which encoder
a caption goes to follows from its language, and SQL decides that in the worklist.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from pairlake.lake.vectors import to_blobs
from pairlake.udfs import clip, sentences
from pairlake.udfs.device import in_blocks
from pairlake.udfs.job import Bound, Model, Stage, Udf

kind = "caption_encoder"
keys = ("caption_id",)
values = {"embedding": "BLOB"}
stages: tuple[Stage, ...] = ("encode",)
worklist = "int_captions_awaiting_embedding"
bound_by: Bound = "gpu"
read = "select caption_id, caption from work"


def identify(name: str) -> Model:
    """The text tower of that name: CLIP's own, or one of sentence-transformers."""
    if sentences.is_known(name):
        return sentences.identify(name, kind)
    return clip.identify(name, kind)


def load(model: Model) -> Udf:
    """(caption_id, caption) → (caption_id, outcome, embedding)."""
    tower = encoder(model.name)

    def prepare(batch: pa.RecordBatch) -> tuple[pa.Array, Any]:
        captions = in_blocks(batch["caption"].to_pylist())
        return batch["caption_id"], tower.tokenize(captions)

    def embed(prepared: tuple[pa.Array, Any]) -> pa.Table:
        ids, tokens = prepared
        rows = to_blobs(tower.encode_tokens(tokens)[: len(ids)])
        return pa.table({"caption_id": ids, "outcome": ["ok"] * len(ids), "embedding": rows})

    return Udf(prepare=prepare, score=embed, device=tower.device.name)


def encoder(name: str) -> clip.Encoder | sentences.SentenceEncoder:
    """The text tower of that name, loaded once: for jobs, and for queries in words."""
    return sentences.encoder(name) if sentences.is_known(name) else clip.encoder(name)
