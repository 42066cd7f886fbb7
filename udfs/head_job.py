"""What the jobs of all heads share: the embeddings that they read, and the refusal of others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from pickle import UnpicklingError
from zipfile import BadZipFile

import pyarrow as pa

from pairlake.lake.catalog import rows
from pairlake.lake.errors import JobFailed
from pairlake.lake.vectors import Matrix, from_blobs
from pairlake.udfs import registry
from pairlake.udfs.heads import Head
from pairlake.udfs.job import Model, ModelUnavailable, Udf

READ_EMBEDDINGS = """
select work.image_id, images.embedding, work.image_model_id as encoder
from work
inner join lake.staging.stg_enriched__image_embeddings as images
    on work.image_id = images.image_id and work.image_model_id = images.model_id
"""
_EMBEDDINGS_OF = "embeddings of "


def identify(name: str, kind: str) -> Model:
    """The head of that name, over the current model of the encoder that it was trained on.

    ModelUnavailable if the registry has no such head, if its file is not on disk, or if there are
    no embeddings for it yet.
    """
    weights_sha256 = registry.sha256(_file(name, kind))
    encoder, encoder_id = _encoder(name)
    if encoder_id is None:
        raise ModelUnavailable(f"The head {name} waits for embeddings of {encoder}.")
    return Model(
        name=name,
        kind=kind,
        weights_sha256=weights_sha256,
        preprocessing=_EMBEDDINGS_OF + encoder_id,
    )


def load(model: Model, column: str, read: Callable[[Path], Head]) -> Udf:
    """(image_id, embedding, encoder) → (image_id, outcome, `column`), by the head `read` gives.

    ModelUnavailable if the head's file cannot be read. JobFailed, with the first batch in which an
    embedding comes from another encoder than `model` names, or has another width.
    """
    head, wanted = (
        head_of(model.name, model.kind, read),
        model.preprocessing.removeprefix(_EMBEDDINGS_OF),
    )

    def prepare(batch: pa.RecordBatch) -> tuple[pa.Array, Matrix]:
        for encoder in batch["encoder"].unique().to_pylist():
            if encoder != wanted:
                raise JobFailed(f"{model.name} reads embeddings of {wanted}, not of {encoder}.")
        embedding_BD = from_blobs(batch["embedding"])
        if embedding_BD.shape[1] != head.dimension:
            raise JobFailed(
                f"{model.name} reads embeddings of {head.dimension} numbers, and those of "
                f"{wanted} have {embedding_BD.shape[1]}; see models/seeds/image_heads.csv."
            )
        return batch["image_id"], embedding_BD

    def score(prepared: tuple[pa.Array, Matrix]) -> pa.Table:
        image_ids, embedding_BD = prepared
        return pa.table(
            {
                "image_id": image_ids,
                "outcome": ["ok"] * len(image_ids),
                column: pa.array(head(embedding_BD), pa.float32()),
            }
        )

    return Udf(prepare=prepare, score=score)


def head_of(name: str, kind: str, read: Callable[[Path], Head]) -> Head:
    """The head of that name, as `read` makes it of its file; ModelUnavailable if it cannot."""
    file = _file(name, kind)
    try:
        return read(file)
    except (OSError, KeyError, ValueError, RuntimeError, UnpicklingError, BadZipFile) as error:
        raise ModelUnavailable(
            f"{file} does not hold the head {name} ({error}); delete it and run: "
            f"pairlake models --fetch {name}"
        ) from error


def _file(name: str, kind: str) -> Path:
    entry = registry.entries().get(name)
    if entry is None or kind not in entry.kinds or len(entry.files) != 1:
        known = ", ".join(e.name for e in registry.entries().values() if kind in e.kinds)
        raise ModelUnavailable(f"There is no {kind} model {name!r}; a recipe may name {known}.")
    return registry.path(name, next(iter(entry.files)))


def _encoder(name: str) -> tuple[str, str | None]:
    """The encoder whose embeddings a head reads, and its current model, if there is one yet."""
    found = rows(
        """
        select heads.image_encoder, models.model_id
        from lake.seeds.image_heads as heads
        left join lake.staging.stg_enriched__models as models
            on heads.image_encoder = models.name and models.kind = 'image_encoder'
        where heads.head = ?
        """,
        [name],
    )
    if not found:
        raise ModelUnavailable(
            f"Nothing says whose embeddings the head {name} reads; add it to "
            "models/seeds/image_heads.csv and run: dbt build"
        )
    encoder, model_id = found[0]
    return encoder, model_id
