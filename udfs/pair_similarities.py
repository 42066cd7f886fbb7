"""The similarity of each pair: cosine of its two embeddings. Writes enriched.pair_similarities.

`pairlake enrich pair_similarities`. A similarity model is a pair of encoders, a row of
models/seeds/similarity_models.csv; it changes when either encoder does.
"""

from __future__ import annotations

import pyarrow as pa

from pairlake.lake.catalog import rows
from pairlake.lake.vectors import cosines, from_blobs
from pairlake.udfs.job import Bound, Model, ModelUnavailable, Stage, Udf

kind = "similarity"
keys = ("image_id", "caption_id")
values = {"similarity": "FLOAT"}
stages: tuple[Stage, ...] = ("compare",)
worklist = "int_pairs_awaiting_similarity"
bound_by: Bound = "lake"
rows_at_once = 8_192
read = """
select work.image_id, work.caption_id, images.embedding as image, captions.embedding as caption
from work
inner join lake.staging.stg_enriched__image_embeddings as images
    on work.image_id = images.image_id and work.image_model_id = images.model_id
inner join lake.staging.stg_enriched__caption_embeddings as captions
    on work.caption_id = captions.caption_id and work.caption_model_id = captions.model_id
"""


def identify(name: str) -> Model:
    """The similarity model of that name, as the current models of its two encoders make it."""
    found = rows(
        """
        select images.model_id || ' ' || captions.model_id
        from lake.seeds.similarity_models as pairs
        inner join lake.staging.stg_enriched__models as images
            on pairs.image_encoder = images.name and images.kind = 'image_encoder'
        inner join lake.staging.stg_enriched__models as captions
            on pairs.caption_encoder = captions.name and captions.kind = 'caption_encoder'
        where pairs.similarity_model = ?
        """,
        [name],
    )
    if not found:
        raise ModelUnavailable(
            f"The similarity model {name!r} waits for its encoders; "
            "models/seeds/similarity_models.csv names them."
        )
    return Model(
        name=name,
        kind=kind,
        weights_sha256=found[0][0],
        preprocessing="cosine of fp16 embeddings in fp32",
    )


def load(model: Model) -> Udf:
    """(image_id, caption_id, image, caption) → (image_id, caption_id, outcome, similarity)."""

    def compare(batch: pa.RecordBatch) -> pa.Table:
        similarity = cosines(from_blobs(batch["image"]), from_blobs(batch["caption"]))
        return pa.table(
            {
                "image_id": batch["image_id"],
                "caption_id": batch["caption_id"],
                "outcome": ["ok"] * batch.num_rows,
                "similarity": pa.array(similarity, pa.float32()),
            }
        )

    return Udf(score=compare)
