"""The pairs nearest to a vector, within a condition, by the index or, where few match, exactly."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, cast

import numpy as np
import pyarrow as pa
from lancedb.query import LanceHybridQueryBuilder, LanceVectorQueryBuilder, MatchQuery
from lancedb.rerankers import RRFReranker
from numpy.typing import NDArray

from pairlake.lake.vectors import Matrix
from pairlake.serve.search.hits import Found
from pairlake.serve.search.index import PARTITION_ROWS
from pairlake.serve.search.published import Reader
from pairlake.serve.search.query import Query, Vector
from pairlake.serve.search.scan import ask, scan, timeout

# Partitions of the index that are looked into, for each square root of as many as there are, and at
# the least; more of them until there are as many results as are asked for.
PROBES_PER_ROOT, FEWEST_PROBES = 3, 24
# The index finds candidates by two bits a dimension: so many of them are held against the full
# vectors, and twice as many as are asked for.
REFINED = 100
# Where no more pairs match a condition, all of them are compared: they may all lie in partitions
# that a query is far from. Their vectors stay in memory, for the next query under the condition.
EXACT_ROWS = 5_000
CONDITIONS_KEPT = 4


def nearest(reader: Reader, query: Query, vector: Vector, where: str, rows: int) -> list[Found]:
    """The `rows` nearest pairs to (D,) of unit length, best first, of those that hold to `where`.

    Among equals the pair that fits best comes first. A hybrid query goes by both ranks together.
    """
    side = f"{query.side}_vector"
    columns = ["facts", "image_vector"] if query.fold == "near" else ["facts"]
    if query.hybrid:
        fused = _fused(reader, query.words, vector, side, where, [*{*columns, side}], rows)
        return _listed(reader, fused, _cosines(fused[side], vector), query)
    few = _few(reader, where, side) if where else None
    if few is None:
        table = _probed(reader, vector, side, where, columns, rows)
        cosines = 1.0 - table["_distance"].to_numpy()
    else:
        ids, vectors = few
        cosines = vectors @ vector
        best = np.argsort(-cosines, kind="stable")[:rows]
        table, cosines = _rows(reader, ids[best], columns), cosines[best]
    return sorted(
        _listed(reader, table, cosines, query),
        key=lambda each: (-each.cosine, -(each.facts.similarity or 0.0), each.facts.pair_id),
    )


def _probed(
    reader: Reader, vector: Vector, side: str, where: str, columns: list[str], rows: int
) -> pa.Table:
    partitions = reader.publication.rows / PARTITION_ROWS
    probes = max(FEWEST_PROBES, math.ceil(PROBES_PER_ROOT * math.sqrt(partitions)))
    refined = max(2, math.ceil(REFINED / rows))
    columns = [*columns, "_distance"]
    if where:
        search = _by_vector(reader, vector, side).minimum_nprobes(probes).maximum_nprobes(0)
        return ask(search.refine_factor(refined).where(where).select(columns).limit(rows))
    asked = {
        "column": side,
        "q": vector,
        "k": rows,
        "metric": "cosine",
        "minimum_nprobes": probes,
        "refine_factor": refined,
    }
    return scan(reader, columns=columns, nearest=asked)


def _by_vector(reader: Reader, vector: Vector, side: str) -> LanceVectorQueryBuilder:
    search = reader.table.search(vector, vector_column_name=side, query_type="vector")
    return cast(LanceVectorQueryBuilder, search).distance_type("cosine")


@lru_cache(CONDITIONS_KEPT)
def _few(reader: Reader, where: str, side: str) -> tuple[NDArray[np.uint64], Matrix] | None:
    """The row ids that match and their unit vectors (N, D), unless N is above EXACT_ROWS."""
    matching = reader.table.search().where(where).select(["pair_id"]).with_row_id(True)
    ids = ask(matching.limit(EXACT_ROWS + 1))["_rowid"].to_numpy()
    if len(ids) > EXACT_ROWS:
        return None
    # By their ids: a condition on a column without an index would read that once more.
    vectors = _matrix(_rows(reader, ids, [side])[side])
    return ids, vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _rows(reader: Reader, ids: NDArray[np.uint64], columns: list[str]) -> pa.Table:
    """Rows by their ids, in that order."""
    among = f"_rowid in ({', '.join(map(str, ids))})" if len(ids) else "false"
    table = scan(reader, columns=columns, filter=among, with_row_id=True)
    found = table["_rowid"].to_numpy()
    by_id = np.argsort(found)
    return table.take(by_id[np.searchsorted(found, ids, sorter=by_id)])


def _fused(
    reader: Reader,
    words: str,
    vector: Vector,
    side: str,
    where: str,
    columns: list[str],
    rows: int,
) -> pa.Table:
    """The best rows by the ranks of vector and full text together (reciprocal rank fusion)."""
    search = cast(
        LanceHybridQueryBuilder,
        reader.table.search(query_type="hybrid", vector_column_name=side, fts_columns="caption"),
    )
    search = search.vector(vector).text(_words(words)).distance_type("cosine")
    search = search.minimum_nprobes(FEWEST_PROBES).maximum_nprobes(0).refine_factor(2)
    search = search.rerank(RRFReranker()).select(columns).limit(rows)
    if where:
        search = search.where(where)
    return search.to_arrow(timeout=timeout())


def _words(words: str) -> MatchQuery:
    return MatchQuery(words, "caption")  # type: ignore[call-arg]  # all else has its default


def _listed(reader: Reader, table: pa.Table, cosines: Vector, query: Query) -> list[Found]:
    facts = map(reader.columns.unpacked, table["facts"].to_pylist())
    vectors: Any = [None] * table.num_rows
    if query.fold == "near":
        vectors = _matrix(table["image_vector"])
    return [Found(*each) for each in zip(facts, cosines.tolist(), vectors, strict=True)]


def _cosines(column: pa.ChunkedArray, vector: Vector) -> Vector:
    matrix = _matrix(column)
    cosines: Vector = matrix @ vector / np.linalg.norm(matrix, axis=1)
    return cosines


def _matrix(column: pa.ChunkedArray) -> Matrix:
    """A column of N vectors as (N, D) float32."""
    array = column.combine_chunks()
    values = array.flatten().to_numpy(zero_copy_only=False).astype(np.float32)
    matrix: Matrix = values.reshape(-1, column.type.list_size)
    return matrix
