"""Search the published pairs by texts, pictures, other pairs and vectors, within filters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from threading import Lock
from typing import Any, cast
from uuid import UUID

import numpy as np
import polars as pl

from lake.errors import BadRequest, PairlakeError
from lake.vectors import Matrix
from serve.facts import unpacked
from serve.filters import lance, parse
from serve.hits import Hit, folded, hit_of
from serve.in_time import check_wanted, turn
from serve.index import PAIRS, THUMBNAILS, Publication, Published, Reader
from serve.nearest import nearest
from serve.query import Part, Query, Side, Vector
from serve.scan import scan

EncodeCaptions = Callable[[list[str]], Matrix]
MOST_ROWS = 20_000
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

    def __init__(self, place: str | Path, encoders: Encoders) -> None:
        self._pairs = Published(place, PAIRS)
        self._thumbnails = Published(place, THUMBNAILS)
        self._encoders = encoders
        self._loaded: dict[tuple[str, str], Any] = {}
        self._encoding = Lock()
        self._decoding = Lock()

    def publication(self) -> Publication:
        """What is published; NothingPublished if nothing is."""
        return self._pairs.reader().publication

    def find(self, query: Query) -> Answer:
        """What a query finds, best first.

        Raises NothingPublished, UnknownPair, BadRequest where the index cannot do what is asked,
        and PairlakeError if an encoder's vectors do not fit the index.
        """
        reader = self._pairs.reader()
        if not reader.publication.rows:
            return Answer(results=[], more=False)
        vector, shown = self._vector(query, reader)
        conditions = [lance(query.filters)]
        conditions += [_UNSAFE] if query.hide_unsafe else []
        conditions += [_INAPPROPRIATE] if query.hide_inappropriate else []
        if shown:
            # A picture is not asked for to be shown itself.
            conditions.append(f"image_id not in ({', '.join(shown)})")
        where = " and ".join(condition for condition in conditions if condition)
        hits = _filled(reader, query, vector, where)
        end = query.offset + query.limit
        return Answer(results=hits[query.offset : end], more=len(hits) > end)

    def by_text(self, text: str, *, limit: int, side: Side = "image") -> list[Hit]:
        """The `limit` pictures nearest to a text, best first, by their pixels or their captions."""
        return self.find(Query(parts=(Part(text=text),), side=side, limit=limit)).results

    def frame(self, text: str, *, limit: int, where: Sequence[str], side: Side) -> pl.DataFrame:
        """The results of a text as a table, a row a picture; `where` are filters as they are typed.

        Raises as `find` does, and BadRequest for a filter that is none.
        """
        query = Query(parts=(Part(text=text),), side=side, filters=tuple(parse(where)), limit=limit)
        ids = ("pair_id", "image_id")
        hits = [asdict(hit) for hit in self.find(query).results]
        return pl.DataFrame(
            [{**hit, **{name: str(hit[name]) for name in ids}} for hit in hits],
            schema=None if hits else [field.name for field in fields(Hit)],
            infer_schema_length=None,
        )

    def pair(self, pair_id: UUID) -> Hit:
        """A published pair; UnknownPair if it is not published."""
        row = _row(self._pairs.reader(), pair_id, ["facts"])
        return hit_of(unpacked(row["facts"]), 1.0)

    def samples(self, ids: list[int]) -> dict[int, Hit]:
        """The published pairs of LAION's SAMPLE_IDs, those that there are."""
        if not ids:
            return {}
        among = f"sample_id in ({', '.join(map(str, ids))})"
        table = scan(self._pairs.reader(), columns=["facts"], filter=among)
        found = map(unpacked, table["facts"].to_pylist())
        return {facts.sample_id: hit_of(facts, 1.0) for facts in found}

    def thumbnail(self, image_id: UUID) -> bytes | None:
        """The JPEG of a published picture; None if it has none."""
        its = f"image_id = X'{image_id.hex}'"
        table = scan(self._thumbnails.reader(), columns=["jpeg"], filter=its, limit=1)
        jpegs: list[bytes | None] = table["jpeg"].to_pylist()
        return jpegs[0] if jpegs else None

    def _vector(self, query: Query, reader: Reader) -> tuple[Vector, list[str]]:
        """The query as (D,) of unit length, and the pictures in it, as literals."""
        publication, shown = reader.publication, list[str]()
        total = np.zeros(publication.dimensions, np.float32)
        for part in query.parts:
            if part.pair_id is not None:
                row = _row(reader, part.pair_id, ["image_id", "image_vector"])
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
            # One at a time: each may take as much memory as one may.
            with turn(self._decoding):
                return cast(Vector, encode_picture(part.picture))
        encode = self._load("captions", publication.caption_encoder)
        # One at a time: a model uses every core anyway.
        with turn(self._encoding):
            return cast(Vector, encode([(part.text or "").strip()])[0])

    def _load(self, kind: str, name: str) -> Any:
        with turn(self._encoding):
            if (kind, name) not in self._loaded:
                self._loaded[kind, name] = getattr(self._encoders, kind)(name)
            return self._loaded[kind, name]


def _filled(reader: Reader, query: Query, vector: Vector, where: str) -> list[Hit]:
    """One hit more than are asked for, of as many rows as that takes."""
    publication = reader.publication
    wanted = query.offset + query.limit + 1
    # One picture may have many captions.
    spread = 1.0 if query.fold == "none" else publication.rows / max(publication.images, 1)
    rows = min(int(wanted * spread) + 1, MOST_ROWS)
    while True:
        check_wanted()
        found = nearest(reader, query, vector, where, rows)
        hits = folded(found, query.fold)
        if len(hits) >= wanted or len(found) < rows or rows >= MOST_ROWS:
            return hits
        rows = min(rows * 4, MOST_ROWS)


def _row(reader: Reader, pair_id: UUID, columns: list[str]) -> dict[str, Any]:
    table = scan(reader, columns=columns, filter=f"pair_id = X'{pair_id.hex}'", limit=1)
    rows: list[dict[str, Any]] = table.to_pylist()
    if not rows:
        raise UnknownPair(f"The pair {pair_id} is not published; search for a text instead.")
    return rows[0]


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
