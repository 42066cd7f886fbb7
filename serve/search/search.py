"""Search the published pairs by texts, pictures, other pairs and vectors, within filters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, cast
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from pairlake.lake.errors import BadRequest, PairlakeError
from pairlake.lake.vectors import Matrix
from pairlake.serve.search.deny_list import DenyList, Known
from pairlake.serve.search.facts import Facts, Score
from pairlake.serve.search.filters import lance, parse
from pairlake.serve.search.hits import Hit, folded, hit_of
from pairlake.serve.search.in_time import check_wanted, turn
from pairlake.serve.search.index import PAIRS, THUMBNAILS, Publication
from pairlake.serve.search.nearest import nearest
from pairlake.serve.search.published import Published, Reader
from pairlake.serve.search.query import Part, Query, Side, Vector
from pairlake.serve.search.scan import scan

EncodeCaptions = Callable[[list[str]], Matrix]
Exact = NDArray[np.float64]
MOST_ROWS = 20_000


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
        self.denied = DenyList()
        self._encoders = encoders
        self._loaded: dict[tuple[str, str], Any] = {}
        self._encoding = Lock()
        self._decoding = Lock()

    def publication(self) -> Publication:
        """What is published, less the domains that are to be forgotten.

        Raises NothingPublished if nothing is.
        """
        publication = self._pairs.reader().publication
        domains = publication.dataset.get("domains", [])
        gone = self.denied.gone(Known(image_url=f"http://{each['domain']}/") for each in domains)
        kept = [each for each, is_gone in zip(domains, gone, strict=True) if not is_gone]
        return replace(publication, dataset={**publication.dataset, "domains": kept})

    def scores(self) -> tuple[str, ...]:
        """The scores of the published list, by their columns."""
        return tuple(each.score for each in self._pairs.reader().publication.scores)

    def load(self) -> None:
        """Load the encoders of the index, so that the first query need not wait for them.

        NothingPublished if nothing is; PairlakeError if one is not there.
        """
        publication = self.publication()
        self._load("captions", publication.caption_encoder)
        self._load("pictures", publication.image_encoder)
        if publication.aesthetic_head is not None:
            self._load("aesthetic", publication.aesthetic_head)

    def find(self, query: Query) -> Answer:
        """What a query finds, best first.

        Raises NothingPublished, UnknownPair, BadRequest where the index cannot do what is asked,
        and PairlakeError if an encoder's vectors do not fit the index.
        """
        return self._pairs.read(partial(self._find, query))

    def by_text(self, text: str, *, limit: int, side: Side = "image") -> list[Hit]:
        """The `limit` pictures nearest to a text, best first, by their pixels or their captions."""
        return self.find(Query(parts=(Part(text=text),), side=side, limit=limit)).results

    def pair(self, pair_id: UUID) -> Hit:
        """A published pair; UnknownPair if it is not published."""
        row = self._pairs.read(lambda reader: _row(reader, pair_id, ["facts"]))
        return hit_of(self._shown(row["facts"]), 1.0)

    def samples(self, ids: list[int]) -> dict[int, Hit]:
        """The published pairs of LAION's SAMPLE_IDs, those that there are and that are kept."""
        if not ids:
            return {}
        among = f"sample_id in ({', '.join(map(str, ids))}) and not is_found_only"
        found = self.denied.shown(self._pairs.read(partial(_facts, where=among)))
        return {facts.sample_id: hit_of(facts, 1.0) for facts in found if facts is not None}

    def thumbnail(self, image_id: UUID) -> bytes | None:
        """The JPEG of a published picture; None if it has none."""
        its = f"image_id = X'{image_id.hex}'"
        if not self.denied.is_empty():
            facts = self._pairs.read(partial(_facts, where=its))
            if not any(self.denied.shown(facts)):
                return None
        table = self._thumbnails.read(
            lambda reader: scan(reader, columns=["jpeg"], filter=its, limit=1)
        )
        jpegs: list[bytes | None] = table["jpeg"].to_pylist()
        return jpegs[0] if jpegs else None

    def _find(self, query: Query, reader: Reader) -> Answer:
        conditions = [lance(parse(query.where, reader.columns))]
        conditions += _hidden(query, reader.publication.scores)
        if query.kept_only and reader.publication.found_only:
            conditions.append("not is_found_only")
        if not reader.publication.rows:
            return Answer(results=[], more=False)
        vector, shown = self._vector(query, reader)
        if shown:
            # A picture is not asked for to be shown itself.
            conditions.append(f"image_id not in ({', '.join(shown)})")
        where = " and ".join(condition for condition in conditions if condition)
        hits = self._filled(reader, query, vector, where)
        end = query.offset + query.limit
        return Answer(results=hits[query.offset : end], more=len(hits) > end)

    def _filled(self, reader: Reader, query: Query, vector: Vector, where: str) -> list[Hit]:
        """One hit more than are asked for, of as many rows as that takes."""
        publication = reader.publication
        wanted = query.offset + query.limit + 1
        # One picture may have many captions.
        spread = 1.0 if query.fold == "none" else publication.rows / max(publication.images, 1)
        rows = min(int(wanted * spread) + 1, MOST_ROWS)
        while True:
            check_wanted()
            found = nearest(reader, query, vector, where, rows)
            shown = self.denied.shown([each.facts for each in found])
            allowed = [
                each._replace(facts=facts)
                for each, facts in zip(found, shown, strict=True)
                if facts is not None
            ]
            hits = folded(allowed, query.fold)
            if len(hits) >= wanted or len(found) < rows or rows >= MOST_ROWS:
                return hits
            rows = min(rows * 4, MOST_ROWS)

    def _shown(self, facts: Facts) -> Facts:
        """The facts of a pair as they may be shown; UnknownPair if they may not."""
        (shown,) = self.denied.shown([facts])
        if shown is None:
            raise _unknown(UUID(bytes=facts.pair_id))
        return shown

    def _vector(self, query: Query, reader: Reader) -> tuple[Vector, list[str]]:
        """The query as (D,) of unit length, and the pictures in it, as literals."""
        publication, shown = reader.publication, list[str]()
        total = np.zeros(publication.dimensions)
        for part in query.parts:
            if part.pair_id is not None:
                row = _row(reader, part.pair_id, ["facts", "image_id", "image_vector"])
                self._shown(row["facts"])
                vector = np.asarray(row["image_vector"])
                shown.append(f"X'{row['image_id'].hex()}'")
            else:
                vector = self._encoded(part, publication)
            total += part.weight * _unit(vector, publication.dimensions)
        total = _unit(total, publication.dimensions)
        if query.aesthetic:
            if publication.aesthetic_head is None:
                raise BadRequest(
                    "The published pairs were not judged by an aesthetic head, along which to "
                    "steer; leave aesthetic out, or publish under a recipe that has one."
                )
            direction = self._load("aesthetic", publication.aesthetic_head)
            total += query.aesthetic * _unit(direction, publication.dimensions)
        return _unit(total, publication.dimensions).astype(np.float32), shown

    def _encoded(self, part: Part, publication: Publication) -> NDArray[np.floating[Any]]:
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


def _hidden(query: Query, scores: Sequence[Score]) -> list[str]:
    """What hides the pairs that the query wants hidden, by the scores of the list.

    Of what no score tells nothing is hidden, as by clip-retrieval without the model. BadRequest
    where one tells it, and the list does not say from where on.
    """
    asked = {"nsfw": query.hide_unsafe, "inappropriate": query.hide_inappropriate}
    hiding = [each for each in scores if asked.get(each.kind)]
    for each in hiding:
        if each.hidden_above is None:
            raise BadRequest(
                f"Pairs cannot be hidden by {each.score}: the lake's list of scores does not say "
                "above what; ask for all, and filter."
            )
    return [f"({each.score} is null or {each.score} <= {each.hidden_above!r})" for each in hiding]


def _facts(reader: Reader, where: str) -> list[Facts]:
    found = scan(reader, columns=["facts"], filter=where)["facts"].to_pylist()
    return [reader.columns.unpacked(each) for each in found]


def _row(reader: Reader, pair_id: UUID, columns: list[str]) -> dict[str, Any]:
    """Some columns of a pair's row, of them its facts; UnknownPair if there is none."""
    table = scan(reader, columns=columns, filter=f"pair_id = X'{pair_id.hex}'", limit=1)
    rows: list[dict[str, Any]] = table.to_pylist()
    if not rows:
        raise _unknown(pair_id)
    return {**rows[0], "facts": reader.columns.unpacked(rows[0]["facts"])}


def _unknown(pair_id: UUID) -> UnknownPair:
    return UnknownPair(f"The pair {pair_id} is not published; search for a text instead.")


def _unit(vector: NDArray[np.floating[Any]], dimensions: int) -> Exact:
    """(D,) of unit length; PairlakeError where it has another length than the index's."""
    if vector.shape != (dimensions,):
        raise PairlakeError(
            f"The index holds vectors of {dimensions} numbers, the query's encoder gives "
            f"{vector.size}; run: pairlake publish"
        )
    # The largest number first: the squares of what is far from 1 are infinite, or 0.
    largest = float(np.abs(vector).max())
    if not np.isfinite(largest) or largest == 0:
        raise BadRequest("The query's parts cancel one another out; weigh them otherwise.")
    scaled = vector.astype(np.float64) / largest
    unit: Exact = scaled / np.linalg.norm(scaled)
    return unit
