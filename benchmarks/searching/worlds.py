"""Pairs with vectors as CLIP's lie: in a cone, in clusters, pictures and captions apart.

A world is drawn in blocks, each by a seed of its own, so that ten million pairs need no memory and
any part of it can be drawn again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pairlake.lake.vectors import Matrix
from pairlake.serve.search.facts import Columns, Score

DIMENSIONS = 512
BLOCK = 10_000  # pairs drawn at once
TOPICS, THEMES = 200, 20_000
# How far a pair lies from its theme, in units of how far themes lie from each other; found so that
# an IVF of faiss needs as many probes as it does for the vectors of real pictures.
SPREAD = 0.7
LANGUAGES = {"en": 0.5, "de": 0.2, "fr": 0.189, "ja": 0.1, "th": 0.01, "is": 0.001}
# fmt: off
WORDS = [
    "red", "blue", "green", "big", "small", "old", "new", "wooden", "glass", "metal", "dog", "cat",
    "horse", "bird", "house", "tree", "river", "mountain", "city", "street", "car", "train", "boat",
    "plane", "table", "chair", "lamp", "book", "shoe", "dress", "shirt", "watch", "phone", "cup",
    "plate", "cake", "bread", "apple", "flower", "garden", "beach", "snow", "rain", "night",
    "morning", "people", "man", "woman", "child", "portrait", "vintage", "modern", "pattern",
    "print", "poster", "painting", "sketch", "logo", "icon", "set", "collection", "photo", "wall",
]
# fmt: on
# The scores of the pairs, each with the highest that it can be.
SCORES = {"aesthetic_score": 10, "punsafe": 1, "pwatermark": 1, "pinappropriate": 1, "toxicity": 1}
COLUMNS = Columns(
    [
        Score(
            kind=score,
            score=score,
            label=score,
            lowest=0.0,
            highest=float(highest),
            keys=["image_id"],
            comparison="<=",
            hidden_above=None,
        )
        for score, highest in SCORES.items()
    ]
)
_SEED = 7
_QUERIES = 1 << 20  # the block that is asked for, beyond those that are indexed
Half = NDArray[np.float16]


@dataclass(frozen=True, kw_only=True)
class Block:
    """Pairs `first` and on: (B, D) vectors of unit length, and their facts without the vectors."""

    first: int
    images: Half
    captions: Half
    facts: dict[str, pa.Array]


class World:
    """The mixture from which all pairs, and all queries, are drawn."""

    def __init__(self, dimensions: int = DIMENSIONS) -> None:
        self._dimensions = dimensions
        rng = np.random.default_rng(_SEED)
        # In CLIP's vectors some hundred directions matter, not all.
        scale = (np.arange(dimensions) + 1.0) ** -0.5
        scale /= np.linalg.norm(scale)
        turned, _ = np.linalg.qr(rng.normal(size=(dimensions, dimensions)))
        self._basis = (scale[:, None] * turned).astype(np.float32)
        self._cones = [0.9 * _direction(rng, dimensions) for _ in ("images", "captions")]
        topics = rng.normal(size=(TOPICS, dimensions))
        self._topic = rng.integers(0, TOPICS, THEMES)
        themes = topics[self._topic] + rng.normal(size=(THEMES, dimensions))
        self._themes = (0.6 * themes).astype(np.float32)
        share = (np.arange(THEMES) + 50.0) ** -0.8
        self._shares = np.cumsum(share / share.sum())

    def queries(self, count: int) -> tuple[Matrix, Matrix]:
        """Pictures and captions that are not among the pairs, (Q, D) each."""
        images, captions, _ = self._vectors(count, np.random.default_rng((_SEED, _QUERIES)))
        return images.astype(np.float32), captions.astype(np.float32)

    def blocks(self, rows: int) -> Iterator[Block]:
        """The first `rows` pairs."""
        for first in range(0, rows, BLOCK):
            rng = np.random.default_rng((_SEED, first // BLOCK))
            images, captions, themes = self._vectors(BLOCK, rng)
            end = min(BLOCK, rows - first)
            facts = _facts(first, self._topic[themes], rng)
            yield Block(
                first=first,
                images=images[:end],
                captions=captions[:end],
                facts={name: values[:end] for name, values in facts.items()},
            )

    def _vectors(
        self, count: int, rng: np.random.Generator
    ) -> tuple[Half, Half, NDArray[np.int64]]:
        themes = np.searchsorted(self._shares, rng.random(count)).clip(0, THEMES - 1)
        shape = (count, self._dimensions)
        meant_BD = self._themes[themes] + SPREAD * rng.standard_normal(shape, np.float32)
        # A caption means nearly what its picture shows.
        said_BD = meant_BD + 0.5 * rng.standard_normal(shape, np.float32)
        images, captions = (
            _unit(vector_BD @ self._basis + cone).astype(np.float16)
            for vector_BD, cone in zip((meant_BD, said_BD), self._cones, strict=True)
        )
        return images, captions, themes


def pair_ids(first: int, count: int) -> list[bytes]:
    """Ids of which the first eight bytes, LAION's SAMPLE_ID, are the number of the pair."""
    return [number.to_bytes(8, "big") + bytes(8) for number in range(first, first + count)]


def _facts(first: int, topics: NDArray[np.int64], rng: np.random.Generator) -> dict[str, pa.Array]:
    numbers = range(first, first + len(topics))
    chosen = rng.integers(0, len(WORDS), (len(topics), 8))
    languages = rng.choice(list(LANGUAGES), len(topics), p=list(LANGUAGES.values()))
    return {
        "hash": pa.array(rng.integers(0, 1 << 62, len(topics)), pa.int64()),
        "caption": pa.array([" ".join(WORDS[word] for word in words) for words in chosen]),
        "image_url": pa.array(
            [
                f"https://images.topic{t}.example/pictures/2021/{n:09}.jpg"
                for n, t in _both(numbers, topics)
            ]
        ),
        # A site shows things of one kind: its pairs lie together.
        "domain": pa.array([f"topic{topic}.example" for topic in topics]),
        "page_url": pa.array(
            [
                f"https://www.topic{t}.example/articles/{n:09}.html"
                for n, t in _both(numbers, topics)
            ]
        ),
        "license_url": pa.nulls(len(topics), pa.string()),
        "language": pa.array(languages, pa.string()),
        "split": pa.array(np.where(languages == "en", "en", "multi"), pa.string()),
        "similarity": _uniform(rng, len(topics), 0.28, 0.48),
        "width": pa.array(rng.integers(64, 2_000, len(topics)), pa.int32()),
        "height": pa.array(rng.integers(64, 2_000, len(topics)), pa.int32()),
        **{name: _uniform(rng, len(topics), 0, highest) for name, highest in SCORES.items()},
    }


def _both(numbers: range, topics: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    return zip(numbers, topics.tolist(), strict=True)


def _uniform(rng: np.random.Generator, count: int, low: float, high: float) -> pa.Array:
    return pa.array((low + (high - low) * rng.random(count)).astype(np.float32))


def _direction(rng: np.random.Generator, dimensions: int) -> Matrix:
    return _unit(rng.normal(size=dimensions).astype(np.float32))


def _unit(vectors: Matrix) -> Matrix:
    unit: Matrix = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return unit
