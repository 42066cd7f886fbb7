"""Labelled pictures as the lake stores them: JPEGs with and without a planted watermark."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import get_context

import cv2
import numpy as np
from PIL import Image

from udfs.watermark.lettering import Letters
from udfs.watermark.network import CELL, Pixels
from udfs.watermark.ordinary import SEEN_KINDS, draw_ordinary
from udfs.watermark.pictures import Scenes, Size, recompressed
from udfs.watermark.planting import SEEN_LAYOUTS, UNSEEN_LAYOUTS, plant

# Width and height of a training picture: at most the pixels that the network looks at.
TRAINING_SIZES: Sequence[Size] = (
    (448, 320), (320, 448), (384, 384), (480, 304), (304, 480), (352, 272), (272, 352),
    (304, 304), (320, 240), (240, 320), (416, 256), (256, 192), (192, 256), (224, 224), (160, 160),
)  # fmt: skip
# The first half of a training has only these, which are quickly drawn and learnt from.
SMALL_SIZES = [size for size in TRAINING_SIZES if size[0] * size[1] <= 80_000]
PLAIN = "plain picture"


@dataclass(frozen=True, kw_only=True)
class Task:
    """One picture to draw: a seed, its size, and what is on it."""

    seed: int
    size: Size
    style: str
    unseen_effects: bool = False


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One picture: its JPEG, the task, and the share of each cell's ink (h, w), 0 to 255."""

    jpeg: bytes
    task: Task
    cells: Pixels

    @property
    def marked(self) -> bool:
        """Whether a watermark was planted."""
        return is_mark(self.task.style)


@dataclass(frozen=True, kw_only=True)
class World:
    """What samples are drawn from: scenes, and the letters of one side of the split."""

    scenes: Scenes
    letters: Letters


def is_mark(style: str) -> bool:
    """Whether the style is a layout of watermarks, and not something ordinary."""
    return style in SEEN_LAYOUTS or style in UNSEEN_LAYOUTS


def training_tasks(count: int, seed: int) -> list[Task]:
    """Half of them marked; of the others, three of five with something ordinary on them."""
    rng, tasks = random.Random(seed), []
    for number in range(count):
        size = rng.choice(SMALL_SIZES if number < count // 2 else TRAINING_SIZES)
        tasks.append(Task(seed=rng.getrandbits(48), size=size, style=_training_style(rng)))
    return tasks


def test_tasks(styles: Sequence[str], each: int, seed: int, *, unseen: bool) -> list[Task]:
    """`each` pictures of every style, of any shape with a short side of 160 to 384 pixels."""
    rng = random.Random(seed)
    return [
        Task(seed=rng.getrandbits(48), size=_any_size(rng), style=style, unseen_effects=unseen)
        for style in styles
        for _ in range(each)
    ]


def draw(task: Task, world: World) -> Sample:
    """Scene, something ordinary, watermark, JPEG, the lake's own size and JPEG."""
    rng = random.Random(task.seed)
    scale = rng.choice((1.0, 1.0, rng.uniform(1.0, 2.0)))
    size = (round(task.size[0] * scale), round(task.size[1] * scale))
    picture = world.scenes.draw(size, rng)
    mask = Image.new("L", size)
    marked = is_mark(task.style)
    if not marked and task.style != PLAIN:
        picture = draw_ordinary(picture, task.style, world.letters, rng)
    elif marked and rng.random() < 0.25:
        picture = draw_ordinary(picture, rng.choice(list(SEEN_KINDS)), world.letters, rng)
    if marked:
        unseen = task.unseen_effects
        picture, mask = plant(picture, task.style, world.letters, rng, unseen=unseen)
    if rng.random() < 0.85:
        picture = Image.open(io.BytesIO(recompressed(picture, rng.randint(55, 95))))
    if size != task.size:
        picture = picture.resize(task.size, Image.Resampling.BICUBIC, reducing_gap=3.0)
    jpeg = recompressed(picture, rng.randint(88, 96))
    return Sample(jpeg=jpeg, task=task, cells=_cells(mask, task.size))


def draw_all(tasks: Sequence[Task], world: World, processes: int) -> Iterator[Sample]:
    """All samples in the order of the tasks; the same whatever the number of processes.

    With 0 processes they are drawn by this one, as they are asked for.
    """
    if processes == 0:
        yield from (draw(task, world) for task in tasks)
        return
    # Forked, so that the pictures are shared and not copied.
    with get_context("fork").Pool(processes, _remember, (world,)) as pool:
        yield from pool.imap(_draw_remembered, tasks, chunksize=64)


def _remember(world: World) -> None:
    cv2.setNumThreads(1)
    globals()["_world"] = world


def _draw_remembered(task: Task) -> Sample:
    world: World = globals()["_world"]
    return draw(task, world)


def _training_style(rng: random.Random) -> str:
    if rng.random() < 0.5:
        return rng.choice(list(SEEN_LAYOUTS))
    return rng.choice(list(SEEN_KINDS)) if rng.random() < 0.6 else PLAIN


def _any_size(rng: random.Random) -> Size:
    short = rng.randint(160, 384)
    long = round(short * rng.choice((1.0, 1.33, 1.5, 1.78, rng.uniform(1, 2.2))))
    return (short, long) if rng.random() < 0.35 else (long, short)


def _cells(mask: Image.Image, size: Size) -> Pixels:
    """The ink of each cell, four times the mean and at most 255, so that thin lines count."""
    cells = (-(-size[0] // CELL), -(-size[1] // CELL))
    small = mask.resize(cells, Image.Resampling.BOX)
    return np.minimum(np.asarray(small, dtype=np.uint16) * 4, 255).astype(np.uint8)
