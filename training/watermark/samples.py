"""Labelled pictures as the lake stores them: JPEGs with and without a planted watermark."""

from __future__ import annotations

import io
import random
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import get_context

import cv2
import numpy as np
from PIL import Image

from pairlake.udfs.watermark.network import CELL, Pixels
from training.watermark.lettering import Letters
from training.watermark.ordinary import SEEN_KINDS, draw_ordinary
from training.watermark.pictures import Scenes, Size, recompressed
from training.watermark.planting import SEEN_LAYOUTS, UNSEEN_LAYOUTS, plant

# Width and height of a training picture: at most the pixels that the network looks at.
TRAINING_SIZES: Sequence[Size] = (
    (448, 320), (320, 448), (384, 384), (480, 304), (304, 480), (352, 272), (272, 352),
    (304, 304), (320, 240), (240, 320), (416, 256), (256, 192), (192, 256), (224, 224), (160, 160),
)  # fmt: skip
# Most of a training has only these, which are quickly drawn and learnt from.
SMALL_SIZES: Sequence[Size] = (
    (256, 176), (176, 256), (224, 160), (160, 224), (208, 208), (160, 160),
)  # fmt: skip
PLAIN = "plain picture"
# Samples that a process draws at once, and before the first of them is needed.
_CHUNK, _AHEAD = 32, 512


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


def training_batch(size: Size, count: int, rng: random.Random) -> list[Task]:
    """As many marked as not, on the same scenes, so that only the marks tell them apart.

    Three of five of the others have something ordinary on them.
    """
    tasks = []
    for _ in range(count // 2):
        seed, plain = rng.getrandbits(48), rng.random() >= 0.6
        others = PLAIN if plain else rng.choice(list(SEEN_KINDS))
        for style in (rng.choice(list(SEEN_LAYOUTS)), others):
            tasks.append(Task(seed=seed, size=size, style=style))
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


def draw_all(tasks: Iterable[Task], world: World, processes: int) -> Generator[Sample, None, None]:
    """All samples in the order of the tasks; the same whatever the number of processes.

    With 0 processes they are drawn by this one, as they are asked for.
    """
    if processes == 0:
        yield from (draw(task, world) for task in tasks)
        return
    # Drawing stays this far ahead of what is asked for, and no further.
    room, closed = threading.Semaphore(_AHEAD * processes), threading.Event()

    def paced() -> Iterator[Task]:
        for task in tasks:
            room.acquire()
            if closed.is_set():
                return
            yield task

    # A forked process has none of OpenCV's threads, and would wait for ever to end them.
    cv2.setNumThreads(1)
    # Forked, so that the pictures are shared and not copied.
    with get_context("fork").Pool(processes, _remember, (world,)) as pool:
        try:
            for sample in pool.imap(_draw_remembered, paced(), chunksize=_CHUNK):
                room.release()
                yield sample
        finally:
            closed.set()
            room.release()


def _remember(world: World) -> None:
    globals()["_world"] = world


def _draw_remembered(task: Task) -> Sample:
    world: World = globals()["_world"]
    return draw(task, world)


def _any_size(rng: random.Random) -> Size:
    short = rng.randint(160, 384)
    long = round(short * rng.choice((1.0, 1.33, 1.5, 1.78, rng.uniform(1, 2.2))))
    return (short, long) if rng.random() < 0.35 else (long, short)


def _cells(mask: Image.Image, size: Size) -> Pixels:
    """The ink of each cell, four times the mean and at most 255, so that thin lines count."""
    cells = (-(-size[0] // CELL), -(-size[1] // CELL))
    small = mask.resize(cells, Image.Resampling.BOX)
    return np.minimum(np.asarray(small, dtype=np.uint16) * 4, 255).astype(np.uint8)
