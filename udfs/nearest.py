"""A throw-away index over all embeddings of one encoder, in memory: faiss, exact while it is small.

The pictures nearest to a given one are looked for in the cells of the index that lie nearest to it:
copies of one picture lie in one cell or in the next ones.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import isqrt
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pairlake.lake.catalog import connect
from pairlake.lake.vectors import Matrix
from pairlake.udfs.job import ModelUnavailable

# Below so many, to compare with all takes no longer than to cluster them.
EXACT_BELOW = 20_000
# So many vectors for each cell's centre are looked at, of those drawn by chance; faiss wants 39.
TRAINED_ON = 64
# Cells that are searched of some thousand.
CELLS_SEARCHED = 8
BLOCK_ROWS = 65_536

_OK = "from lake.staging.stg_enriched__image_embeddings where model_id = ? and outcome = 'ok'"

Ids = NDArray[np.void]


@dataclass(frozen=True, kw_only=True)
class Vectors:
    """Embeddings (B, D) of unit length, zero where there is none, and what came of each."""

    units: Matrix
    outcomes: list[str]


def read_vectors(blobs: pa.Array, width: int) -> Vectors:
    """Embeddings of `width` numbers each; embedding_unreadable or not_finite is an outcome."""
    unit_BD = np.zeros((len(blobs), width), np.float32)
    outcomes = ["embedding_unreadable"] * len(blobs)
    for place, blob in enumerate(blobs.to_pylist()):
        if blob and len(blob) == 2 * width:
            vector = np.frombuffer(blob, "<f2").astype(np.float32)
            length = float(np.linalg.norm(vector))
            has_length = np.isfinite(length) and length > 0
            outcomes[place] = "ok" if has_length else "not_finite"
            if has_length:
                unit_BD[place] = vector / length
    return Vectors(units=unit_BD, outcomes=outcomes)


def read_ids(image_ids: pa.Array) -> Ids:
    """UUIDs as 16 bytes each."""
    stored = b"".join(value.bytes for value in image_ids.to_pylist())
    return np.frombuffer(stored, "V16")


class Index:
    """All embeddings of one encoder that can be read; ModelUnavailable without faiss."""

    def __init__(self, model_id: str) -> None:
        if importlib.util.find_spec("faiss") is None:
            raise ModelUnavailable(
                "Near neighbours need another package; run: pip install -e '.[neighbours]'"
            )
        with _reading(model_id) as embeddings:
            self.width = embeddings.width
            self._index = _empty(embeddings)
            ids = [np.empty(0, "V16")]
            for batch in embeddings.all():
                vectors = read_vectors(batch["embedding"], self.width)
                is_ok = np.array(vectors.outcomes) == "ok"
                self._index.add(vectors.units[is_ok])
                ids.append(read_ids(batch["image_id"])[is_ok])
            self._ids = np.concatenate(ids)

    def nearest(self, unit_BD: Matrix, count: int) -> tuple[Ids, Matrix]:
        """The `count` nearest to each: their ids and cosines (B, count), nearest first.

        Where the index holds fewer, the cosine is -inf.
        """
        cosine_BK, place_BK = self._index.search(unit_BD, count)
        return self._ids[place_BK], np.where(place_BK < 0, -np.inf, cosine_BK)


class _Embeddings:
    """The embeddings of one encoder, read as of one snapshot."""

    def __init__(self, con: Any, model_id: str) -> None:
        self._con, self._model_id = con, model_id
        # Of one encoder all are equally wide; one that is not is broken.
        widths = f"select count(*), mode(octet_length(embedding)) {_OK}"
        self.count, mode = con.execute(widths, [model_id]).fetchone()
        self.width = (mode or 2) // 2

    def all(self) -> Iterator[pa.RecordBatch]:
        return self._read(f"select image_id, embedding {_OK}")

    def sample(self, count: int) -> Matrix:
        query = f"select * from (select image_id, embedding {_OK}) using sample {count:d} rows"
        return np.concatenate(
            [read_vectors(batch["embedding"], self.width).units for batch in self._read(query)]
        )

    def _read(self, query: str) -> Iterator[pa.RecordBatch]:
        yield from self._con.execute(query, [self._model_id]).to_arrow_reader(BLOCK_ROWS)


@contextmanager
def _reading(model_id: str) -> Iterator[_Embeddings]:
    con = connect()
    try:
        con.begin()
        yield _Embeddings(con, model_id)
    finally:
        con.close()


def _empty(embeddings: _Embeddings) -> Any:
    """An index without vectors, its cells laid out where there are so many that it has cells."""
    import faiss

    if embeddings.count < EXACT_BELOW:
        return faiss.IndexFlatIP(embeddings.width)
    cells = isqrt(embeddings.count)
    # In half precision, as the embeddings are.
    make = f"IVF{cells},SQfp16"
    index: Any = faiss.index_factory(embeddings.width, make, faiss.METRIC_INNER_PRODUCT)
    index.train(embeddings.sample(TRAINED_ON * cells))
    index.nprobe = CELLS_SEARCHED
    return index
