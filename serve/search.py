"""Search the published pairs by text or by another pair's picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Literal, cast
from uuid import UUID

import numpy as np
from lancedb.expr import Expr, col, lit
from lancedb.query import LanceVectorQueryBuilder
from numpy.typing import NDArray

from lake.errors import PairlakeError
from lake.vectors import Matrix
from serve.index import PAIRS, THUMBNAILS, Publication, Published
from serve.marts import SHOWN

EncodeCaptions = Callable[[list[str]], Matrix]
Side = Literal["image", "caption"]
# IVF_RQ without a second look at the full vectors finds too little (its recall is poor).
PROBES, REFINE = 20, 5
# One picture may have many captions: so many rows are asked for at first, then four times more.
ROWS_PER_IMAGE = 4
MOST_ROWS = 20_000


class UnknownPair(PairlakeError):
    """The pair is not among the published ones."""


@dataclass(frozen=True, kw_only=True)
class Hit:
    """One picture that was found, with its best caption.

    `similarity` is the cosine of the query with the picture (or the caption, when captions are
    searched), `pair_similarity` that of the picture with its own caption. The scores are those of
    `marts.pairs`, None where no model has judged.
    """

    pair_id: UUID
    image_id: UUID
    caption: str
    image_url: str
    page_url: str | None
    license_url: str | None
    language: str | None
    split: str
    width: int
    height: int
    similarity: float
    pair_similarity: float
    punsafe: float | None
    pwatermark: float | None
    aesthetic_score: float | None
    pinappropriate: float | None
    toxicity: float | None


class Search:
    """The published index and the encoder of its queries.

    `encoder_of` gives, for the name of a caption encoder, the function that turns B captions into
    a (B, D) float32 matrix of L2-normalised rows. It is asked once per encoder, at the first
    query, so that a server starts before its model is loaded.
    """

    def __init__(self, folder: Path, encoder_of: Callable[[str], EncodeCaptions]) -> None:
        self._pairs = Published(folder, PAIRS)
        self._thumbnails = Published(folder, THUMBNAILS)
        self._encoder_of = encoder_of
        self._encoders: dict[str, EncodeCaptions] = {}
        self._encoding = Lock()

    def publication(self) -> Publication:
        """What is published; NothingPublished if nothing is."""
        return self._pairs.publication()

    def by_text(
        self,
        text: str,
        *,
        limit: int,
        side: Side = "image",
        split: str | None = None,
        language: str | None = None,
    ) -> list[Hit]:
        """The `limit` pictures nearest to a text, best first, by their pixels or their captions.

        Raises NothingPublished, and PairlakeError if the encoder's vectors do not fit the index.
        """
        publication = self.publication()
        if not publication.rows:
            return []
        vector = self._encode(publication.caption_encoder, text)
        return self._nearest(vector, limit, side, _matching(split, language))

    def by_pair(
        self, pair_id: UUID, *, limit: int, split: str | None = None, language: str | None = None
    ) -> list[Hit]:
        """The `limit` pictures nearest to that of a published pair, without the picture itself.

        Raises NothingPublished, and UnknownPair if the pair is not published.
        """
        query = self._pairs.table().search().where(col("pair_id") == lit(pair_id.bytes))
        rows = query.select(["image_id", "image_vector"]).limit(1).to_arrow().to_pylist()
        if not rows:
            raise UnknownPair(f"The pair {pair_id} is not published; search for a text instead.")
        others = col("image_id") != lit(rows[0]["image_id"])
        matching = _matching(split, language)
        where = others if matching is None else others & matching
        vector = np.array(rows[0]["image_vector"], np.float32)
        return self._nearest(vector, limit, "image", where)

    def thumbnail(self, image_id: UUID) -> bytes | None:
        """The JPEG of a published picture; None if it has none."""
        query = self._thumbnails.table().search().where(col("image_id") == lit(image_id.bytes))
        rows = query.select(["jpeg"]).limit(1).to_arrow().to_pylist()
        return rows[0]["jpeg"] if rows else None

    def _encode(self, encoder: str, text: str) -> NDArray[np.float32]:
        # One query at a time: the first loads the model, and a model uses every core anyway.
        with self._encoding:
            if encoder not in self._encoders:
                self._encoders[encoder] = self._encoder_of(encoder)
            vector: NDArray[np.float32] = self._encoders[encoder]([text])[0]
        return vector

    def _nearest(
        self, vector_D: NDArray[np.float32], limit: int, side: Side, where: Expr | None
    ) -> list[Hit]:
        table = self._pairs.table()
        column = f"{side}_vector"
        dimensions = table.schema.field(column).type.list_size
        if len(vector_D) != dimensions:
            raise PairlakeError(
                f"The index holds vectors of {dimensions} numbers, the query's encoder gives "
                f"{len(vector_D)}; run: pairlake publish"
            )
        rows = limit * ROWS_PER_IMAGE
        while True:
            query = cast(LanceVectorQueryBuilder, table.search(vector_D, vector_column_name=column))
            query = query.distance_type("cosine").nprobes(PROBES).refine_factor(REFINE)
            if where is not None:
                query = query.where(where)
            found = query.select([*SHOWN, "_distance"]).limit(rows).to_arrow().to_pylist()
            hits = _one_per_image(found)
            if len(hits) >= limit or len(found) < rows or rows >= MOST_ROWS:
                return hits[:limit]
            rows = min(rows * 4, MOST_ROWS)


def _matching(split: str | None, language: str | None) -> Expr | None:
    conditions = [
        col(name) == lit(value)
        for name, value in (("split", split), ("language", language))
        if value is not None
    ]
    if len(conditions) == 2:
        return conditions[0] & conditions[1]
    return conditions[0] if conditions else None


def _one_per_image(rows: list[dict[str, Any]]) -> list[Hit]:
    """The best row of each image, nearest first; among equals the pair that fits best."""
    best: dict[bytes, Hit] = {}
    for row in sorted(rows, key=lambda row: (row["_distance"], -row["similarity"], row["pair_id"])):
        if row["image_id"] not in best:
            best[row["image_id"]] = _hit(row)
    return list(best.values())


def _hit(row: dict[str, Any]) -> Hit:
    shown = {name: row[name] for name in SHOWN}
    shown["pair_id"], shown["image_id"] = UUID(bytes=row["pair_id"]), UUID(bytes=row["image_id"])
    shown["pair_similarity"] = row["similarity"]
    shown["similarity"] = 1.0 - row["_distance"]
    return Hit(**shown)
