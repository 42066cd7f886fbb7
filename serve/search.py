"""Search the published pairs by texts, pictures, other pairs and vectors, within filters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Lock
from typing import Any, cast
from uuid import UUID

import numpy as np
import pyarrow as pa
from lancedb.query import LanceHybridQueryBuilder, LanceVectorQueryBuilder, MatchQuery
from lancedb.rerankers import RRFReranker
from lancedb.table import Table

from lake.errors import BadRequest, PairlakeError
from lake.vectors import Matrix
from serve.filters import lance
from serve.hits import Hit, folded, hit_of
from serve.index import PAIRS, THUMBNAILS, Publication, Published
from serve.marts import SHOWN
from serve.query import Part, Query, Side, Vector

EncodeCaptions = Callable[[list[str]], Matrix]
# Partitions of the index that are looked into; more of them until the limit is filled.
PROBES = 20
# IVF_RQ finds candidates by a bit a dimension: so many times the limit are held against the full
# vectors, without which recall is poor.
REFINE = 5
MOST_ROWS = 20_000
TIMEOUT = timedelta(seconds=20)
_UNSAFE = "(punsafe is null or punsafe <= 0.5)"
_INAPPROPRIATE = "(pinappropriate is null or pinappropriate <= 0.5)"


class UnknownPair(PairlakeError):
    """The pair is not among the published ones."""


@dataclass(frozen=True, kw_only=True)
class Encoders:
    """How queries become vectors; each is asked once by a model's name, when a query needs it.

    `captions` gives the function that turns B captions into a (B, D) float32 matrix of
    L2-normalised rows, `pictures` the one that turns the bytes of a picture into (D,),
    `aesthetic` the direction (D,) in which an aesthetic head's score grows.
    """

    captions: Callable[[str], EncodeCaptions]
    pictures: Callable[[str], Callable[[bytes], Vector]]
    aesthetic: Callable[[str], Vector]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The results that were asked for, and whether there are more after them."""

    results: list[Hit]
    more: bool


class Search:
    """The published index, and the encoders of its queries."""

    def __init__(self, folder: Path, encoders: Encoders) -> None:
        self._pairs = Published(folder, PAIRS)
        self._thumbnails = Published(folder, THUMBNAILS)
        self._encoders = encoders
        self._loaded: dict[tuple[str, str], Any] = {}
        self._encoding = Lock()

    def publication(self) -> Publication:
        """What is published; NothingPublished if nothing is."""
        return self._pairs.publication()

    def find(self, query: Query) -> Answer:
        """What a query finds, best first.

        Raises NothingPublished, UnknownPair, BadRequest where the index cannot do what is asked,
        and PairlakeError if an encoder's vectors do not fit the index.
        """
        publication = self.publication()
        if not publication.rows:
            return Answer(results=[], more=False)
        vector, shown = self._vector(query, publication)
        conditions = [lance(query.filters)]
        conditions += [_UNSAFE] if query.hide_unsafe else []
        conditions += [_INAPPROPRIATE] if query.hide_inappropriate else []
        if shown:
            # A picture is not asked for to be shown itself.
            conditions.append(f"image_id not in ({', '.join(shown)})")
        where = " and ".join(condition for condition in conditions if condition)
        hits = self._filled(query, vector, where, publication)
        end = query.offset + query.limit
        return Answer(results=hits[query.offset : end], more=len(hits) > end)

    def by_text(self, text: str, *, limit: int, side: Side = "image") -> list[Hit]:
        """The `limit` pictures nearest to a text, best first, by their pixels or their captions."""
        return self.find(Query(parts=(Part(text=text),), side=side, limit=limit)).results

    def pair(self, pair_id: UUID) -> Hit:
        """A published pair; UnknownPair if it is not published."""
        return hit_of({**self._row(pair_id, SHOWN), "cosine": 1.0})

    def samples(self, ids: list[int]) -> dict[int, Hit]:
        """The published pairs of LAION's SAMPLE_IDs, those that there are."""
        table = self._pairs.table()
        query = table.search().where(f"sample_id in ({', '.join(map(str, ids))})")
        rows = query.select(list(SHOWN)).limit(len(ids) * 2).to_list() if ids else []
        return {row["sample_id"]: hit_of({**row, "cosine": 1.0}) for row in rows}

    def thumbnail(self, image_id: UUID) -> bytes | None:
        """The JPEG of a published picture; None if it has none."""
        table = self._thumbnails.table()
        query = table.search().where(f"image_id = X'{image_id.hex}'")
        rows = query.select(["jpeg"]).limit(1).to_arrow().to_pylist()
        return rows[0]["jpeg"] if rows else None

    def _row(self, pair_id: UUID, columns: tuple[str, ...]) -> dict[str, Any]:
        query = self._pairs.table().search().where(f"pair_id = X'{pair_id.hex}'")
        rows = query.select(list(columns)).limit(1).to_list()
        if not rows:
            raise UnknownPair(f"The pair {pair_id} is not published; search for a text instead.")
        row: dict[str, Any] = rows[0]
        return row

    def _vector(self, query: Query, publication: Publication) -> tuple[Vector, list[str]]:
        """The query as (D,) of unit length, and the pictures in it, as literals."""
        shown: list[str] = []
        total = np.zeros(publication.dimensions, np.float32)
        for part in query.parts:
            if part.pair_id is not None:
                row = self._row(part.pair_id, ("image_id", "image_vector"))
                vector = np.asarray(row["image_vector"], np.float32)
                shown.append(f"X'{row['image_id'].hex()}'")
            else:
                vector = self._encoded(part, publication)
            total += np.float32(part.weight) * _unit(vector, publication.dimensions)
        total = _unit(total, publication.dimensions)
        if query.aesthetic:
            if publication.aesthetic_head is None:
                raise BadRequest(
                    "The published pairs were not judged by an aesthetic head, along which to "
                    "steer; leave aesthetic out, or publish under a recipe that has one."
                )
            direction = self._load("aesthetic", publication.aesthetic_head)
            total += np.float32(query.aesthetic) * _unit(direction, publication.dimensions)
        return _unit(total, publication.dimensions), shown

    def _encoded(self, part: Part, publication: Publication) -> Vector:
        if part.vector is not None:
            if part.vector.shape != (publication.dimensions,):
                raise BadRequest(
                    f"The vector has {part.vector.size} numbers; those of the index, by "
                    f"{publication.image_encoder}, have {publication.dimensions}."
                )
            return part.vector
        if part.picture is not None:
            encode_picture = self._load("pictures", publication.image_encoder)
            return cast(Vector, encode_picture(part.picture))
        encode = self._load("captions", publication.caption_encoder)
        # One at a time: a model uses every core anyway.
        with self._encoding:
            return cast(Vector, encode([(part.text or "").strip()])[0])

    def _load(self, kind: str, name: str) -> Any:
        with self._encoding:
            if (kind, name) not in self._loaded:
                self._loaded[kind, name] = getattr(self._encoders, kind)(name)
            return self._loaded[kind, name]

    def _filled(
        self, query: Query, vector: Vector, where: str, publication: Publication
    ) -> list[Hit]:
        """One hit more than are asked for, of as many rows as that takes."""
        table = self._pairs.table()
        wanted = query.offset + query.limit + 1
        # One picture may have many captions.
        spread = 1.0 if query.fold == "none" else publication.rows / max(publication.images, 1)
        rows = min(int(wanted * spread) + 1, MOST_ROWS)
        while True:
            found = _nearest(table, query, vector, where, rows)
            hits = folded(found, query.fold)
            if len(hits) >= wanted or len(found) < rows or rows >= MOST_ROWS:
                return hits
            rows = min(rows * 4, MOST_ROWS)


def _nearest(
    table: Table, query: Query, vector: Vector, where: str, rows: int
) -> list[dict[str, Any]]:
    """The nearest rows with their `cosine`, best first; among equals the pair that fits best."""
    side = f"{query.side}_vector"
    columns = list(SHOWN)
    if query.fold == "near":
        columns.append("image_vector")
    if query.hybrid:
        found = _fused(table, query.words, vector, side, where, [*{*columns, side}], rows)
        matrix = _matrix(found[side])
        cosines: Vector = matrix @ vector / np.linalg.norm(matrix, axis=1)
        # By both ranks together.
        return _listed(found, cosines, columns)
    search = cast(LanceVectorQueryBuilder, table.search(vector, vector_column_name=side))
    search = search.distance_type("cosine").minimum_nprobes(PROBES).maximum_nprobes(0)
    search = search.refine_factor(REFINE).select([*columns, "_distance"]).limit(rows)
    if where:
        search = search.where(where)
    found = search.to_arrow(timeout=TIMEOUT)
    cosines = 1.0 - found["_distance"].to_numpy()
    listed = _listed(found, cosines, columns)
    return sorted(
        listed, key=lambda row: (-row["cosine"], -(row["similarity"] or 0.0), row["pair_id"])
    )


def _fused(
    table: Table, words: str, vector: Vector, side: str, where: str, columns: list[str], rows: int
) -> pa.Table:
    """The best rows by the ranks of vector and full text together (reciprocal rank fusion)."""
    search = cast(
        LanceHybridQueryBuilder,
        table.search(query_type="hybrid", vector_column_name=side, fts_columns="caption"),
    )
    search = search.vector(vector).text(_words(words)).distance_type("cosine")
    search = search.minimum_nprobes(PROBES).maximum_nprobes(0).refine_factor(REFINE)
    search = search.rerank(RRFReranker()).select(columns).limit(rows)
    if where:
        search = search.where(where)
    return search.to_arrow(timeout=TIMEOUT)


def _words(words: str) -> MatchQuery:
    return MatchQuery(words, "caption")  # type: ignore[call-arg]  # all else has its default


def _listed(found: pa.Table, cosines: Vector, columns: list[str]) -> list[dict[str, Any]]:
    lists = [found[name].to_pylist() for name in columns if name != "image_vector"]
    names = [name for name in columns if name != "image_vector"]
    if "image_vector" in columns:
        names.append("image_vector")
        lists.append(list(_matrix(found["image_vector"])))
    rows = [dict(zip(names, values, strict=True)) for values in zip(*lists, strict=True)]
    for row, cosine in zip(rows, cosines, strict=True):
        row["cosine"] = float(cosine)
    return rows


def _matrix(column: pa.ChunkedArray) -> Matrix:
    """A column of N vectors as (N, D) float32."""
    array = column.combine_chunks()
    width = column.type.list_size
    values = array.flatten().to_numpy(zero_copy_only=False).astype(np.float32)
    matrix: Matrix = values.reshape(-1, width)
    return matrix


def _unit(vector: Vector, dimensions: int) -> Vector:
    if vector.shape != (dimensions,):
        raise PairlakeError(
            f"The index holds vectors of {dimensions} numbers, the query's encoder gives "
            f"{vector.size}; run: pairlake publish"
        )
    length = float(np.linalg.norm(vector))
    if not np.isfinite(length) or length == 0:
        raise BadRequest("The query's parts cancel one another out; weigh them otherwise.")
    unit: Vector = (vector / np.float32(length)).astype(np.float32)
    return unit
