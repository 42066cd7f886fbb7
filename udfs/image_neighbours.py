"""The pictures nearest to each picture, by their embeddings. Writes enriched.image_neighbours.

`pairlake enrich image_neighbours`. An index over all embeddings of one encoder is built when there
is work, and thrown away: each new picture lands with its neighbours among old and new ones. How
near, and how many, the worklist says. A picture without neighbours lands once, with none.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pairlake.lake.catalog import rows
from pairlake.udfs.job import Bound, Model, ModelUnavailable, Stage, Udf
from pairlake.udfs.nearest import Index, Vectors, read_ids, read_vectors

kind = "image_neighbours"
keys = ("image_id", "neighbour_id")
values = {"cosine": "FLOAT"}
stages: tuple[Stage, ...] = ("match",)
worklist = "int_images_awaiting_neighbours"
bound_by: Bound = "lake"
rows_at_once = 4_096
read = """
select work.image_id, work.min_cosine, work.max_neighbours, images.embedding
from work
inner join lake.staging.stg_enriched__image_embeddings as images
    on work.image_id = images.image_id and work.model_id = images.model_id
"""


def identify(name: str) -> Model:
    """The encoder of that name, as it stands in the lake: its weights are not needed again."""
    found = rows(
        """
        select kind, weights_sha256, preprocessing
        from lake.staging.stg_enriched__models
        where name = ? and kind = 'image_encoder'
        """,
        [name],
    )
    if not found:
        raise ModelUnavailable(f"Neighbours wait for embeddings of {name}.")
    encoder, weights_sha256, preprocessing = found[0]
    return Model(
        name=name, kind=encoder, weights_sha256=weights_sha256, preprocessing=preprocessing
    )


def load(model: Model) -> Udf:
    """(image_id, embedding, min_cosine, max_neighbours) → (image_id, outcome, lists of neighbours).

    The neighbours are all of them if they are fewer than `max_neighbours`, else the nearest.
    """
    index = Index(model.model_id)

    def prepare(batch: pa.RecordBatch) -> tuple[pa.RecordBatch, Vectors]:
        return batch, read_vectors(batch["embedding"], index.width)

    def score(prepared: tuple[pa.RecordBatch, Vectors]) -> pa.Table:
        batch, vectors = prepared
        most = batch["max_neighbours"].to_numpy()
        # The picture itself is among those nearest to it.
        ids_BK, cosine_BK = index.nearest(vectors.units, int(most.max()) + 1)
        is_near_BK = cosine_BK >= batch["min_cosine"].to_numpy()[:, None]
        is_near_BK &= ids_BK != read_ids(batch["image_id"])[:, None]
        is_near_BK &= is_near_BK.cumsum(axis=1) <= most[:, None]
        is_near_BK &= (np.array(vectors.outcomes) == "ok")[:, None]
        return pa.table(
            {
                "image_id": batch["image_id"],
                "outcome": pa.array(vectors.outcomes),
                "neighbour_id": _lists(pa.uuid(), ids_BK, is_near_BK),
                "cosine": _lists(pa.float32(), cosine_BK, is_near_BK),
            }
        )

    return Udf(prepare=prepare, score=score)


def _lists(type_: pa.DataType, values_BK: NDArray[Any], chosen_BK: NDArray[np.bool_]) -> pa.Array:
    """The chosen values of each row as a list, null where none is chosen."""
    counts = chosen_BK.sum(axis=1)
    begins = [*np.where(counts > 0, counts.cumsum() - counts, None), counts.sum()]
    values = pa.array(values_BK[chosen_BK].tolist(), type_)
    return pa.ListArray.from_arrays(pa.array(begins, pa.int32()), values)
