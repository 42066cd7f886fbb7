"""Rows of the search index as results: one per pair, per picture, or per look-alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID

import numpy as np

from serve.query import Fold, Vector

# Pictures whose embeddings have this cosine are one to those who ask for it (clip-retrieval,
# clip_back.py, get_non_uniques).
NEAR = 0.94


@dataclass(frozen=True, kw_only=True)
class Hit:
    """One result: a pair, with the facts and scores of `marts.pairs`, None where nothing is known.

    `similarity` is the cosine of the query with the picture (or the caption, when captions are
    searched), `pair_similarity` that of the picture with its own caption. `captions` counts the
    results that this one stands for. `sample_id` is LAION's, as text: it takes 64 bits.
    """

    pair_id: UUID
    image_id: UUID
    sample_id: str
    hash: str
    caption: str
    image_url: str
    domain: str | None
    page_url: str | None
    license_url: str | None
    language: str | None
    split: str
    width: int
    height: int
    similarity: float
    pair_similarity: float | None
    punsafe: float | None
    pwatermark: float | None
    aesthetic_score: float | None
    pinappropriate: float | None
    toxicity: float | None
    captions: int = 1


def folded(rows: Sequence[dict[str, Any]], fold: Fold) -> list[Hit]:
    """Rows of the index with their `cosine` as hits, in the rows' order.

    A hit stands for the rows that fold into it: those of its picture, and for `near`, which reads
    `image_vector`, those of pictures that look like it.
    """
    heads: list[dict[str, Any]] = []
    counts: list[int] = []
    place: dict[bytes, int] = {}
    vectors: list[Vector] = []
    for row in rows:
        key = row["pair_id"] if fold == "none" else row["image_id"]
        at = place.get(key)
        if at is None and fold == "near":
            vector = np.asarray(row["image_vector"], np.float32)
            vector = vector / np.linalg.norm(vector)
            at = _alike(vector, vectors)
            if at is None:
                vectors.append(vector)
        if at is None:
            at = len(heads)
            heads.append(row)
            counts.append(0)
        place[key] = at
        counts[at] += 1
    return [hit_of(row, captions=count) for row, count in zip(heads, counts, strict=True)]


def hit_of(row: dict[str, Any], *, captions: int = 1) -> Hit:
    """One row of the index, with its `cosine`, as a hit."""
    facts = {name: row[name] for name in _FACTS}
    return Hit(
        **facts,
        pair_id=UUID(bytes=row["pair_id"]),
        image_id=UUID(bytes=row["image_id"]),
        sample_id=str(row["sample_id"]),
        hash=str(row["hash"]),
        similarity=row["cosine"],
        pair_similarity=row["similarity"],
        captions=captions,
    )


def _alike(vector: Vector, vectors: list[Vector]) -> int | None:
    if not vectors:
        return None
    cosines = np.stack(vectors) @ vector
    first = int(np.argmax(cosines >= NEAR))
    return first if cosines[first] >= NEAR else None


_OWN = {
    "pair_id", "image_id", "sample_id", "hash", "similarity", "pair_similarity", "captions",
}  # fmt: skip
_FACTS = tuple(field.name for field in fields(Hit) if field.name not in _OWN)
