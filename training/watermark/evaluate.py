"""Measures the watermark detector on pictures, lettering and layouts that training never saw."""

from __future__ import annotations

import io
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from pairlake.udfs.watermark.network import Detector, WatermarkNet
from pairlake.udfs.watermark.weights import WEIGHTS, sha256
from training.watermark.ordinary import SEEN_KINDS, UNSEEN_KINDS
from training.watermark.pictures import files_of
from training.watermark.planting import SEEN_LAYOUTS, UNSEEN_LAYOUTS
from training.watermark.samples import PLAIN, World, draw_all, is_mark, test_tasks

Scores = npt.NDArray[np.float32]

THRESHOLDS = (0.5, 0.8)
# How many pictures of each style are drawn, and how many plain ones.
EACH, PLAINS = 80, 400
# The share of the web's pictures for which precision is worked out beside that of equal numbers.
RARE = 0.05
_SEED = 4_211
_TIMED = 60


@dataclass(frozen=True, kw_only=True)
class Trial:
    """The scores of one test: those of each style, marked or not."""

    title: str
    scores: Mapping[str, Scores]

    def of(self, *, marked: bool) -> Scores:
        """All scores of the marked pictures, or all of the others."""
        return np.concatenate([s for name, s in self.scores.items() if is_mark(name) == marked])

    def row(self) -> str:
        """AUC, then recall, false positives and precision at each threshold."""
        right, wrong = self.of(marked=True), self.of(marked=False)
        cells = [self.title, f"{len(right)}", f"{len(wrong)}", f"{auc(right, wrong):.4f}"]
        for threshold in THRESHOLDS:
            recall, false = (right >= threshold).mean(), (wrong >= threshold).mean()
            rare = _precision(RARE * recall, (1 - RARE) * false)
            cells += [f"{_precision(recall, false):.3f}", f"{recall:.3f}", f"{false:.3f}"]
            cells += [f"{rare:.2f}"]
        return f"| {' | '.join(cells)} |"


def auc(right: Scores, wrong: Scores) -> float:
    """Probability that a marked picture scores above another, ties counting half."""
    ordered = np.sort(wrong)
    places = np.searchsorted(ordered, right, "left") + np.searchsorted(ordered, right, "right")
    return float(places.mean() / 2 / len(wrong))


def report(file: Path, train: World, test: World, also: Mapping[str, Path]) -> str:
    """The measured part of the model card, as Markdown.

    `train` and `test` are both sides of the split; `also` names folders of other pictures, each
    with the folders `marked` and `clean`.
    """
    detector = Detector(file)
    mixed = World(scenes=test.scenes, letters=train.letters)
    usual = {**dict.fromkeys(SEEN_LAYOUTS, EACH), **dict.fromkeys(SEEN_KINDS, EACH), PLAIN: PLAINS}
    strange = {
        **dict.fromkeys(UNSEEN_LAYOUTS, 3 * EACH),
        **dict.fromkeys(UNSEEN_KINDS, EACH),
        PLAIN: PLAINS,
    }
    trials = [
        _try("unseen pictures, seen styles", detector, mixed, usual, unseen=False),
        _try("… and unseen fonts, words, logos, effects", detector, test, usual, unseen=True),
        _try("… and unseen layouts, unseen ordinary kinds", detector, test, strange, unseen=True),
        *(_try_folder(title, detector, folder) for title, folder in also.items()),
    ]
    return "\n".join(
        [
            *_facts(file),
            "",
            *_data(train, test),
            "",
            *_table(trials),
            "",
            *_styles(trials),
            "",
            *_speed(detector),
        ]
    )


def _try(
    title: str, detector: Detector, world: World, counts: Mapping[str, int], *, unseen: bool
) -> Trial:
    scores = {}
    for number, (style, count) in enumerate(counts.items()):
        tasks = test_tasks([style], count, _SEED + number, unseen=unseen)
        drawn = draw_all(tasks, world, processes=0)
        scores[style] = detector.score([Image.open(io.BytesIO(one.jpeg)) for one in drawn])
    return Trial(title=title, scores=scores)


def _try_folder(title: str, detector: Detector, folder: Path) -> Trial:
    marked, clean = (
        detector.score([Image.open(file) for file in files_of(folder / name)])
        for name in ("marked", "clean")
    )
    return Trial(title=title, scores={next(iter(UNSEEN_LAYOUTS)): marked, PLAIN: clean})


def _precision(right: float, wrong: float) -> float:
    return right / (right + wrong) if right + wrong else float("nan")


def _facts(file: Path) -> list[str]:
    numbers = sum(weight.numel() for weight in WatermarkNet().fuse().parameters())
    return [
        f"{numbers:,} parameters in half precision, {file.stat().st_size:,} bytes.",
        f"sha256 of `{WEIGHTS.name}`: `{sha256(file)}`",
    ]


def _data(train: World, test: World) -> list[str]:
    """How many pictures of each folder, and how many font families, are on each side."""
    sides = [{one.name: len(one.pictures) for one in w.scenes.sources} for w in (train, test)]
    names = sorted(sides[0] | sides[1])
    fonts = [len(world.letters.families) for world in (train, test)]
    return [
        "| pictures of | trained on | tested on |",
        "|---|---|---|",
        *(f"| {name} | {sides[0].get(name, 0)} | {sides[1].get(name, 0)} |" for name in names),
        f"| font families | {fonts[0]} | {fonts[1]} |",
    ]


def _table(trials: Sequence[Trial]) -> list[str]:
    names = [
        name
        for threshold in THRESHOLDS
        for name in (
            f"precision at {threshold} if half are marked",
            f"recall at {threshold}",
            f"false positives at {threshold}",
            f"precision at {threshold} if {RARE:.0%} are",
        )
    ]
    head = ["test", "marked", "not", "AUC", *names]
    return [
        f"| {' | '.join(head)} |",
        "|" + "---|" * len(head),
        *(trial.row() for trial in trials),
    ]


def _styles(trials: Sequence[Trial]) -> list[str]:
    """Each style of the drawn tests: the share at or above each threshold, in each test."""
    columns = ("seen fonts", "unseen fonts", "unseen fonts, unseen kind")
    head = [f"{name}, {threshold}" for name in columns for threshold in THRESHOLDS]
    lines = [
        "The share of each style that scores at or above the threshold: recall where a watermark "
        "was planted, false positives where not.",
        "",
        f"| style | watermark | {' | '.join(head)} |",
        "|---|---|" + "---|" * len(head),
    ]
    names = dict.fromkeys(name for trial in trials[:3] for name in trial.scores)
    for name in sorted(names, key=lambda name: not is_mark(name)):
        cells = []
        for trial in trials[:3]:
            found = trial.scores.get(name)
            for threshold in THRESHOLDS:
                cells.append("" if found is None else f"{(found >= threshold).mean():.3f}")
        lines.append(f"| {name} | {'yes' if is_mark(name) else 'no'} | {' | '.join(cells)} |")
    return lines


def _speed(detector: Detector) -> list[str]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    lines = ["Time of one picture on one core, resizing included:", ""]
    random = np.random.default_rng(_SEED)
    for width, height in ((384, 384), (576, 384), (256, 192)):
        pixels = random.integers(0, 256, (height, width, 3), np.uint8)
        picture = Image.fromarray(pixels)
        detector.score([picture] * 5)
        started = time.perf_counter()
        detector.score([picture] * _TIMED)
        spent = (time.perf_counter() - started) / _TIMED * 1000
        lines.append(f"- {width} by {height}: {spent:.1f} ms")
    torch.set_num_threads(threads)
    return lines
