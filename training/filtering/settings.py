"""How much is trained: little on a CPU, more on a GPU, and the same for all sets of pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from pairlake.demo.pictures import pictures
from training.filtering.learner import Course

# By how much is wrong in them: the wrong captions beside each right one, besides those that the
# demo has anyway.
WEBS: Mapping[str, float] = {"tenth": 0.0, "half": 0.9}


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How many drawings each web has, how long the teacher learns, and each model after it.

    `webs` are of WEBS, the noisiest last; of the plan the first so many `waves` are trained.
    """

    webs: Sequence[str]
    drawings: int
    waves: int
    teacher_steps: int
    course: Course


SETTINGS: Mapping[str, Setting] = {
    "small": Setting(
        webs=("half",),
        drawings=320,
        waves=3,
        teacher_steps=1_200,
        course=Course(
            steps=300, batch=128, image_size=32, vision_width=16, text_width=128, text_layers=1
        ),
    ),
    "large": Setting(
        webs=("tenth", "half"),
        drawings=len(pictures()),
        waves=5,
        teacher_steps=15_000,
        course=Course(
            steps=1_140, batch=256, image_size=64, vision_width=16, text_width=192, text_layers=2
        ),
    ),
}


def default_setting() -> str:
    """The larger where there is a GPU."""
    return "large" if torch.cuda.is_available() else "small"


def device() -> str:
    """Where models run: on a GPU if there is one, else each on one thread of the CPU."""
    if torch.cuda.is_available():
        return "cuda"
    # Threads that wait for one another make a busy machine many times slower.
    torch.set_num_threads(1)
    return "cpu"
