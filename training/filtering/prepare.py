"""Gathers from the lakes and the drawings what the trainings need, as pairlake judged it."""

from __future__ import annotations

import io
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from pairlake.demo.pictures import LANGUAGES, Picture, pixel_groups
from training.filtering.drawings import STRANGER, chosen, drawn_by
from training.filtering.lakes import Lake
from training.filtering.prepared import SIDE, Bytes, Gallery, Ints, Level, Prepared, squared
from training.filtering.sentences import UNSEEN
from training.mini_clip.train import IMAGE_SIZE, prepare
from training.mini_clip.unseen import unseen_render

_RENDER_SEED = 990_003
# Reasons that come after form: the pair would be taken but for these.
_AFTER_FORM = {"similarity_missing", "similarity_too_low", "duplicate_url", "duplicate_image"}


def gather(lakes: Mapping[str, Lake], drawings: int, data: Path) -> Prepared:
    """All that the trainings and their measures need, but what a similarity filter says.

    The webs are of so many drawings. Until `judged`, all of good form is kept.
    """
    tokenizer = prepare(data / "vocabulary")
    images, picture_NHWC = _pictures(lakes)
    captions: dict[str, int] = {}
    levels = {name: _level(lake, images, captions) for name, lake in lakes.items()}
    of = chosen(drawings)
    return Prepared(
        pictures=picture_NHWC,
        tokens=tokenizer(list(captions)).numpy().astype(np.int16),
        levels=levels,
        galleries={
            "openmoji": _gallery(of, of),
            STRANGER: _gallery(drawn_by(STRANGER, data / "drawings"), of),
        },
        languages=LANGUAGES,
        queries=np.stack(
            [
                np.stack([tokenizer(sentences(one, language)).numpy() for one in of])
                for language in LANGUAGES
            ]
        ).astype(np.int16),
        names=np.stack([_same(of, language) for language in LANGUAGES]),
    )


def judged(prepared: Prepared, lakes: Mapping[str, Lake], recipe: str, models: Path) -> Prepared:
    """The same, with what pairlake keeps by that recipe, and by the one that deduplicates too."""
    levels = {}
    for name, lake in lakes.items():
        kept = {}
        for one in (recipe, f"{recipe}_deduplicated"):
            lake.judge(one, models)
            rows = [row for row in lake.verdicts().to_pylist() if row["image_id"] is not None]
            kept[one] = np.array([not row["drop_reasons"] for row in rows])
        levels[name] = replace(
            prepared.levels[name], kept=kept[recipe], deduplicated=kept[f"{recipe}_deduplicated"]
        )
    return replace(prepared, levels=levels)


def sentences(picture: Picture, language: str) -> list[str]:
    """What nobody has read of a picture."""
    return [text.format(name=picture.names[language]) for text in UNSEEN[language]]


def _pictures(lakes: Mapping[str, Lake]) -> tuple[dict[str, int], Bytes]:
    images: dict[str, int] = {}
    found = []
    for lake in lakes.values():
        for image_id, pixels in lake.pixels():
            if image_id not in images:
                images[image_id] = len(images)
                found.append(squared(Image.open(io.BytesIO(pixels)), SIDE))
    return images, np.stack(found)


def _level(lake: Lake, images: Mapping[str, int], captions: dict[str, int]) -> Level:
    rows = [row for row in lake.verdicts().to_pylist() if row["image_id"] is not None]
    form = np.array([set(row["drop_reasons"]) <= _AFTER_FORM for row in rows])
    return Level(
        image=np.array([images[row["image_id"]] for row in rows]),
        caption=np.array([captions.setdefault(row["caption"], len(captions)) for row in rows]),
        english=np.array([row["is_english"] for row in rows], bool),
        form=form,
        kept=form,
        deduplicated=form,
        right=np.array([row["is_right"] for row in rows]),
    )


def _gallery(drawn: Sequence[Picture], of: Sequence[Picture]) -> Gallery:
    place = {picture.hexcode: number for number, picture in enumerate(of)}
    shown = [picture for picture in drawn if picture.hexcode in place]
    rng = random.Random(_RENDER_SEED)
    return Gallery(
        pictures=np.stack([squared(unseen_render(one, rng), IMAGE_SIZE) for one in shown]),
        concepts=np.array([place[picture.hexcode] for picture in shown]),
    )


def _same(of: Sequence[Picture], language: str) -> Ints:
    """Equal numbers for drawings that look the same, or are called the same in that language."""
    groups, numbers = pixel_groups(), list(range(len(of)))
    for keys in ([groups[one.hexcode] for one in of], [one.names[language] for one in of]):
        first: dict[object, int] = {}
        for place, key in enumerate(keys):
            numbers[place] = min(numbers[place], numbers[first.setdefault(key, place)])
    return np.array(numbers)
