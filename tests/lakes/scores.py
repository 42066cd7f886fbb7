"""What the models say of what was seen: by luck, but the same each time; some fail, some wait."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from pairlake.lake.keys import text_id
from pairlake.lake.vectors import to_blobs
from tests.lakes.seen import NEIGHBOURS, Seen
from tests.models import landed

# Beside those of `landed`, what LAION's recipes and DataComp's want.
MODELS = {
    "language": ("lid176",),
    "image_encoder": ("ViT-B-32/openai", "ViT-L-14/openai"),
    "caption_encoder": ("ViT-B-32/openai", "ViT-L-14/openai", "clip-ViT-B-32-multilingual-v1"),
    "similarity": ("ViT-B-32/openai", "ViT-B-32/openai+mclip", "ViT-L-14/openai"),
    "nsfw": ("open_nsfw", "nsfw_l14", "nsfw_b32"),
    "watermark": ("watermark_cnn",),
    "aesthetic": ("aesthetic_v1_l14", "aesthetic_v2_l14"),
    "inappropriate": ("q16_l14",),
    "toxicity": ("profanity_check",),
}
# Each has older weights, which count no more, and newer ones.
VERSIONS = (1, 2)
DIMENSIONS = 8

Row = dict[str, Any]
Score = Callable[[Seen, random.Random], Row]


class _Best(random.Random):
    """The best of luck: the last of what may be."""

    def uniform(self, a: float, b: float) -> float:
        return b

    def randrange(self, start: int, *_: Any) -> int:
        return start - 1


def models(version: int) -> pa.Table:
    """Rows of enriched.models: one version of each model."""
    rows = [
        {
            "model_id": f"{name}@{version}",
            "name": name,
            "kind": kind,
            "weights_sha256": hashlib.sha256(f"{name} {version}".encode()).hexdigest(),
            "preprocessing": "none",
        }
        for kind, names in MODELS.items()
        for name in names
    ]
    return pa.Table.from_pylist(rows)


def scores(pairs: Sequence[Seen]) -> dict[str, pa.Table]:
    """Rows of every table of scores; most are such that a pair is kept."""
    shown = [seen for seen in pairs if seen.outcome == "ok"]
    images = [({"image_id": seen.image_id}, seen) for seen in shown]
    captions = [({"caption_id": text_id(seen.caption)}, seen) for seen in pairs]
    spoken = [({**key, "language": seen.language}, seen) for key, seen in captions]
    compared = [({**key, "caption_id": text_id(seen.caption)}, seen) for key, seen in images]
    made = {
        "caption_languages": _made("language", captions, _heard),
        "caption_toxicity": _made("toxicity", spoken, _between("toxicity", 1, 0)),
        "image_embeddings": _made("image_encoder", images, _embedding),
        "caption_embeddings": _made("caption_encoder", captions, _embedding),
        "pair_similarities": _made("similarity", compared, _between("similarity", 0.2, 0.5)),
        "image_hashes": _made("image_hash", images, lambda seen, _: {"phash": seen.phash}),
        "image_nsfw": _made("nsfw", images, _between("punsafe", 0.6, 0)),
        "image_watermarks": _made("watermark", images, _between("pwatermark", 0.9, 0)),
        "image_aesthetics": _made("aesthetic", images, _between("aesthetic_score", 6.5, 9)),
        "image_inappropriate": _made("inappropriate", images, _between("pinappropriate", 1, 0)),
        "image_neighbours": _made("image_neighbours", images, _neighbour),
    }
    return {f"enriched.{name}": _table(rows) for name, rows in made.items()}


def _made(kind: str, keyed: Iterable[tuple[Row, Seen]], score: Score) -> list[Row]:
    """A row for each key and model of a kind; one in twenty is missing, and as many failed."""
    rows = []
    for key, seen in {str(key): (key, seen) for key, seen in keyed}.values():
        for model_id in _model_ids(kind):
            seed = f"{key} {model_id}"
            luck = _Best(seed) if seen.is_sure else random.Random(seed)
            row = {**key, "model_id": model_id, "outcome": "ok", "error": None}
            match luck.randrange(20):
                case 0:
                    continue
                case 1:
                    rows.append({**row, "outcome": "failed", "error": "it could not be read"})
                case _:
                    rows.append({**row, **score(seen, luck)})
    return rows


def _model_ids(kind: str) -> list[str]:
    if kind == "image_neighbours":
        return [landed.MODELS["image_encoder"][1]]
    ids = [f"{name}@{version}" for name in MODELS.get(kind, ()) for version in VERSIONS]
    return ids + [model_id for known, (_, model_id) in landed.MODELS.items() if known == kind]


def _heard(seen: Seen, luck: random.Random) -> Row:
    return {
        "language": seen.language or "und",
        "probability": luck.uniform(0.7, 1) if seen.language else 0.3,
        "is_reliable": seen.language is not None,
    }


def _between(name: str, worst: float, best: float) -> Score:
    return lambda _, luck: {name: round(luck.uniform(worst, best), 3)}


def _embedding(_: Seen, luck: random.Random) -> Row:
    vector = np.array([[luck.gauss() for _ in range(DIMENSIONS)]], np.float32)
    return {"embedding": to_blobs(vector / np.linalg.norm(vector))[0].as_py()}


def _neighbour(seen: Seen, _: random.Random) -> Row:
    """The two that are neighbours name each other; most pictures have none."""
    if seen not in NEIGHBOURS:
        return {}
    (other,) = {*NEIGHBOURS} - {seen}
    return {"neighbour_id": other.image_id, "cosine": 0.97}


def _table(rows: Sequence[Row]) -> pa.Table:
    """Rows of which some lack columns as a table that has all."""
    names = {name: None for row in rows for name in row}
    return pa.table({name: [row.get(name) for row in rows] for name in names})
