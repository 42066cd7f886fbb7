"""Trains one model after another, each on what one filter leaves, and measures it.

`python -m benchmarks.filtering.trainings --prepared FILE --teacher DIR --out DIR`. Needs torch and
open_clip, not pairlake. A line of results.jsonl is a model; those that stand there already are not
trained again.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.filtering.learner import Course, Learner
from benchmarks.filtering.measures import Encoder, Judgement, deduplicated, judge, measure
from benchmarks.filtering.prepared import Level, Mask, Prepared
from demo.train import save

import open_clip  # isort: skip

SEEDS = (1, 2, 3)
SETS = ("everything", "form", "kept", "deduplicated", "truth")
# As many pairs as a filter leaves, but by chance: what of its effect is the number alone.
CONTROLS = {
    "as many as kept": ("form", "kept"),
    "as many as deduplicated": ("kept", "deduplicated"),
}
# Models that judge what taught them, and each the other half.
ROUNDS = ("round 1", "round 2")
HALVES = ("half a", "half b")
CROSSED = "by halves"
_KEPT_MODELS = {("form", 1): "form", ("round 1", 1): "round_1"}
_TRIAL_STEPS = 40
_MEASURING_SHARE = 0.12


@dataclass(frozen=True, order=True, kw_only=True)
class Task:
    """One model to train: on which set of which level, with which seed."""

    level: str
    set: str
    seed: int


def plan(levels: list[str]) -> list[Task]:
    """What is trained, in order: what matters most first. The last level is the noisiest."""
    *others, noisiest = levels
    blocks = [(noisiest, SETS), (noisiest, ROUNDS), *((level, SETS) for level in others)]
    blocks += [(noisiest, tuple(CONTROLS)), (noisiest, (*HALVES, CROSSED))]
    return [
        Task(level=level, set=one, seed=seed)
        for level, sets in blocks
        for one in sets
        for seed in SEEDS
    ]


class Trainings:
    """The models of a plan, and what is known of those that are trained."""

    def __init__(self, prepared: Prepared, teacher: Path, out: Path, device: str) -> None:
        self.prepared, self.out, self.device = prepared, out, device
        out.mkdir(parents=True, exist_ok=True)
        self._results, self._noting = out / "results.jsonl", threading.Lock()
        self._start: dict[str, int] = {}
        count = 0
        for name, level in prepared.levels.items():
            self._start[name] = count
            count += len(level.image)
        model, _ = open_clip.create_model_from_pretrained(f"local-dir:{teacher}", device=device)
        self.judgements: dict[str, Judgement] = {
            name: judge(Encoder(model, device), prepared, level)
            for name, level in prepared.levels.items()
        }
        self._kept = dict(self._read())

    def learner(self, course: Course) -> Learner:
        """A learner of all pairs of all levels, one level's after the other's."""
        levels = self.prepared.levels.values()
        caption_P = np.concatenate([level.caption for level in levels])
        return Learner(
            course,
            self.prepared.pictures,
            np.concatenate([level.image for level in levels]),
            self.prepared.tokens[caption_P],
            self.device,
        )

    def train(self, task: Task, learner: Learner) -> None:
        """Train, measure and note one model, unless that is done."""
        if task in self._kept:
            return
        with learner.apart():
            self._train(task, learner)

    def _train(self, task: Task, learner: Learner) -> None:
        started = time.monotonic()
        level, chosen = self.prepared.levels[task.level], self.chosen(task)
        loss = learner.learn(np.flatnonzero(chosen) + self._start[task.level], task.seed)
        learnt_s = time.monotonic() - started
        encoder = Encoder(learner.model, self.device)
        judgement = judge(encoder, self.prepared, level)
        unseen = ~_half(level, task.seed, task.set) if task.set in HALVES else None
        facts = {
            **asdict(task),
            **asdict(learner.course),
            "pairs": int(chosen.sum()),
            "right": int((chosen & level.right).sum()),
            "loss": loss,
            "seconds": learnt_s,
            "measures": measure(encoder, self.prepared),
            "as_filter": judgement.facts(level, unseen),
            "thresholds": judgement.thresholds,
            "keeps": np.packbits(judgement.kept).tobytes().hex(),
        }
        if (name := _KEPT_MODELS.get((task.set, task.seed))) and task.level == self._noisiest:
            (self.out / name).mkdir(exist_ok=True)
            save(learner.model, self.out / name)
        with self._noting, self._results.open("a") as file:
            file.write(json.dumps(facts) + "\n")
        self._kept[task] = judgement.kept
        top1 = facts["measures"]["openmoji"]["en"]["top1"]
        print(f"{task} {facts['pairs']:,} pairs loss {loss:.3f} en {top1:.3f} {learnt_s:.1f} s")

    def chosen(self, task: Task) -> Mask:
        """Which pairs of its level a model is trained on."""
        level, judgement = self.prepared.levels[task.level], self.judgements[task.level]
        if task.set in CONTROLS:
            of, like = (
                self.chosen(Task(level=task.level, set=one, seed=task.seed))
                for one in CONTROLS[task.set]
            )
            return _thinned(of, int(like.sum()), task.seed)
        if task.set in ROUNDS:
            before = ("form", *ROUNDS)[ROUNDS.index(task.set)]
            return self._kept[Task(level=task.level, set=before, seed=task.seed)]
        if task.set in HALVES:
            return level.form & _half(level, task.seed, task.set)
        if task.set == CROSSED:
            return self._crossed(task)
        sets = {
            "everything": np.ones(len(level.image), bool),
            "form": level.form,
            "kept": judgement.kept,
            "deduplicated": deduplicated(judgement, level),
            "truth": level.form & level.right,
        }
        return sets[task.set]

    def _crossed(self, task: Task) -> Mask:
        """What the model of one half keeps of the other."""
        level = self.prepared.levels[task.level]
        kept = np.zeros(len(level.image), bool)
        for half in HALVES:
            unseen = ~_half(level, task.seed, half)
            by_it = self._kept[Task(level=task.level, set=half, seed=task.seed)]
            kept |= by_it & unseen
        return kept

    @property
    def _noisiest(self) -> str:
        return list(self.prepared.levels)[-1]

    def _read(self) -> Iterator[tuple[Task, Mask]]:
        if not self._results.exists():
            return
        for line in self._results.read_text().splitlines():
            facts = json.loads(line)
            task = Task(level=facts["level"], set=facts["set"], seed=facts["seed"])
            bits = np.frombuffer(bytes.fromhex(facts["keeps"]), np.uint8)
            count = len(self.prepared.levels[task.level].image)
            yield task, np.unpackbits(bits, count=count).astype(bool)


def _half(level: Level, seed: int, half: str) -> Mask:
    """All pairs of half the images, by chance; the other half is the rest."""
    images = np.random.default_rng(seed).permutation(int(level.image.max()) + 1)
    in_a: Mask = images[level.image] % 2 == 0
    return in_a if half == HALVES[0] else ~in_a


def _thinned(mask: Mask, count: int, seed: int) -> Mask:
    thin = np.zeros(len(mask), bool)
    place = np.flatnonzero(mask)
    thin[np.random.default_rng(seed).choice(place, min(count, len(place)), replace=False)] = True
    return thin


def _learners(trainings: Trainings, asked: argparse.Namespace, models: int) -> list[Learner]:
    """As many as learn at once, for the steps asked for or as many as the minutes allow each."""
    course = Course(steps=asked.steps or _TRIAL_STEPS, batch=asked.batch)
    learners = [trainings.learner(course) for _ in range(asked.at_once)]
    if asked.steps:
        return learners
    pairs = np.arange(asked.batch)

    def trial(learner: Learner) -> None:
        with learner.apart():
            learner.learn(pairs, 0)

    # The first time is slower.
    for _ in range(2):
        started = time.monotonic()
        with ThreadPoolExecutor(asked.at_once) as pool:
            list(pool.map(trial, learners))
    step_s = (time.monotonic() - started) / _TRIAL_STEPS / asked.at_once
    steps = int(asked.minutes * 60 * (1 - _MEASURING_SHARE) / models / step_s)
    print(f"A step takes {step_s * 1000:.2f} ms: {steps:,} steps for each of {models} models.")
    for learner in learners:
        learner.course = replace(course, steps=max(1, min(steps, asked.most_steps)))
    return learners


def _train_all(trainings: Trainings, tasks: Sequence[Task], learners: Sequence[Learner]) -> None:
    """Tasks of one set, which need nothing of one another."""

    def train(number: int) -> None:
        for task in tasks[number :: len(learners)]:
            trainings.train(task, learners[number])

    with ThreadPoolExecutor(len(learners)) as pool:
        list(pool.map(train, range(len(learners))))


def main() -> None:
    """Train what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.filtering.trainings", description=__doc__
    )
    parser.add_argument("--prepared", type=Path, required=True, help="the file of prepare")
    parser.add_argument("--teacher", type=Path, required=True, help="the model that filters")
    parser.add_argument("--out", type=Path, required=True, help="the folder of the results")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--steps", type=int, help="of each model; else by --minutes")
    parser.add_argument("--minutes", type=float, default=60.0, help="for all models")
    parser.add_argument("--most-steps", type=int, default=5_000)
    parser.add_argument("--at-once", type=int, default=1, help="models that learn at once")
    parser.add_argument("--stop-after", type=float, help="start no model after so many minutes")
    asked = parser.parse_args()
    run(Prepared.load(asked.prepared), asked)


def run(prepared: Prepared, asked: argparse.Namespace) -> None:
    """Train the plan, or as much of it as fits."""
    started = time.monotonic()
    trainings = Trainings(prepared, asked.teacher, asked.out, asked.device)
    tasks = plan(list(prepared.levels))
    facts: dict[str, Any] = {
        name: {
            **judgement.facts(prepared.levels[name]),
            "thresholds": judgement.thresholds,
            "keeps": np.packbits(judgement.kept).tobytes().hex(),
        }
        for name, judgement in trainings.judgements.items()
    }
    (asked.out / "teacher.json").write_text(json.dumps(facts) + "\n")
    print({name: {**one, "keeps": "…"} for name, one in facts.items()})
    learners = _learners(trainings, asked, len(tasks))
    for start in range(0, len(tasks), len(SEEDS)):
        if asked.stop_after and time.monotonic() - started > asked.stop_after * 60:
            print("The time is over; run it again for the rest.")
            return
        _train_all(trainings, tasks[start : start + len(SEEDS)], learners)


if __name__ == "__main__":
    main()
