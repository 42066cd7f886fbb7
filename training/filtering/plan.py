"""What is trained, on which pairs, and in what order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from training.filtering.prepared import Level, Mask

SEEDS = (1, 2, 3)
FORM, KEPT, DEDUPLICATED, TRUTH = "form", "kept", "deduplicated", "truth"
SETS = ("everything", FORM, KEPT, DEDUPLICATED, TRUTH)
# As many pairs as a filter leaves, but by chance: what of its effect is the number alone.
CONTROLS: Mapping[str, tuple[str, str]] = {
    "of form, as many as kept": (FORM, KEPT),
    "of kept, as many as deduplicated": (KEPT, DEDUPLICATED),
    "of truth, as many as kept": (TRUTH, KEPT),
}
# What a model keeps that was trained on what the one before it kept; the first's learnt from form.
ROUNDS = ("round 1", "round 2")
# Models of half the images, each of which judges the other half.
HALVES = ("half a", "half b")
CROSSED = "by halves"


@dataclass(frozen=True, order=True, kw_only=True)
class Task:
    """One model to train: on which set of which level, with which seed."""

    level: str
    set: str
    seed: int


def waves(levels: Sequence[str]) -> list[list[Task]]:
    """What is trained at once, wave after wave; a wave needs only those before it.

    The last level is the noisiest, and has it all. The truth is the same pairs in all levels.
    """
    *others, noisiest = levels
    found = [
        [(noisiest, one) for one in SETS],
        [(noisiest, one) for one in (ROUNDS[0], *CONTROLS)],
        [(noisiest, ROUNDS[1])]
        + [(level, one) for level in others for one in SETS if one != TRUTH],
        [(noisiest, one) for one in HALVES],
        [(noisiest, CROSSED)],
    ]
    return [
        [Task(level=level, set=one, seed=seed) for level, one in wave for seed in SEEDS]
        for wave in found
    ]


def chosen(task: Task, level: Level, kept_by: Mapping[Task, Mask]) -> Mask:
    """Which pairs of its level a model is trained on; `kept_by` is what earlier models keep."""
    sets = {
        "everything": np.ones(len(level.image), bool),
        FORM: level.form,
        KEPT: level.kept,
        DEDUPLICATED: level.deduplicated,
        TRUTH: level.form & level.right,
    }
    if task.set in CONTROLS:
        of, like = (sets[one] for one in CONTROLS[task.set])
        return _thinned(of, int(like.sum()), task.seed)
    if task.set in ROUNDS:
        before = (FORM, *ROUNDS)[ROUNDS.index(task.set)]
        return kept_by[Task(level=task.level, set=before, seed=task.seed)]
    if task.set in HALVES:
        return level.form & in_half(level, task.seed, task.set)
    if task.set == CROSSED:
        kept = np.zeros(len(level.image), bool)
        for half in HALVES:
            unseen = ~in_half(level, task.seed, half)
            kept |= unseen & kept_by[Task(level=task.level, set=half, seed=task.seed)]
        return kept
    return sets[task.set]


def in_half(level: Level, seed: int, half: str) -> Mask:
    """All pairs of half the images, by chance; the other half is the rest."""
    images = np.random.default_rng(seed).permutation(int(level.image.max()) + 1)
    in_a: Mask = images[level.image] % 2 == 0
    return in_a if half == HALVES[0] else ~in_a


def _thinned(mask: Mask, count: int, seed: int) -> Mask:
    thin = np.zeros(len(mask), bool)
    place = np.flatnonzero(mask)
    thin[np.random.default_rng(seed).choice(place, min(count, len(place)), replace=False)] = True
    return thin
