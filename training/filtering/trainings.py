"""Trains one model after another, each on what one filter leaves, and measures it.

`python -m training.filtering.trainings --prepared FILE --out DIR`. Needs torch and open_clip, not
pairlake, so that FILE can go where a GPU is. A line of results.jsonl is a model; those that stand
there already are not trained again.
"""

from __future__ import annotations

import argparse
import json
import os
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np

from training.filtering.learner import Course, Learner
from training.filtering.measures import Encoder, judge, measure
from training.filtering.plan import HALVES, SEEDS, Task, chosen, in_half, waves
from training.filtering.prepared import Mask, Prepared
from training.filtering.settings import SETTINGS, Setting, default_setting, device

RESULTS = "results.jsonl"


class Trainings:
    """The models of a plan, and what is known of those that are trained."""

    def __init__(self, prepared: Prepared, course: Course, out: Path, device: str) -> None:
        self.prepared, self.course, self.device = prepared, course, device
        out.mkdir(parents=True, exist_ok=True)
        self._results, self._noting = out / RESULTS, threading.Lock()
        self._start: dict[str, int] = {}
        count = 0
        for name, level in prepared.levels.items():
            self._start[name] = count
            count += len(level.image)
        self._kept_by = dict(self._read())

    def learner(self) -> Learner:
        """A learner of all pairs of all levels, one level's after the other's."""
        levels = self.prepared.levels.values()
        caption_P = np.concatenate([level.caption for level in levels])
        return Learner(
            self.course,
            self.prepared.pictures,
            np.concatenate([level.image for level in levels]),
            self.prepared.tokens[caption_P],
            self.device,
        )

    def train(self, task: Task, learner: Learner) -> None:
        """Train, measure and note one model, unless that is done."""
        if task in self._kept_by:
            return
        with learner.apart():
            self._train(task, learner)

    def _train(self, task: Task, learner: Learner) -> None:
        started = time.monotonic()
        level = self.prepared.levels[task.level]
        pairs = chosen(task, level, self._kept_by)
        loss = learner.learn(np.flatnonzero(pairs) + self._start[task.level], task.seed)
        learnt_s = time.monotonic() - started
        encoder = Encoder(learner.model, self.device)
        judgement = judge(encoder, self.prepared, level)
        unseen = ~in_half(level, task.seed, task.set) if task.set in HALVES else None
        facts: dict[str, Any] = {
            **asdict(task),
            **asdict(self.course),
            "pairs": int(pairs.sum()),
            "right": int((pairs & level.right).sum()),
            "english": int((pairs & level.english).sum()),
            "images": len(np.unique(level.image[pairs])),
            "loss": loss,
            "seconds": learnt_s,
            "measures": measure(encoder, self.prepared),
            "as_filter": judgement.facts(level, unseen),
            "as_filter_of_its_own": judgement.facts(level, pairs),
            "thresholds": judgement.thresholds,
            "keeps": np.packbits(judgement.kept).tobytes().hex(),
        }
        with self._noting, self._results.open("a") as file:
            file.write(json.dumps(facts) + "\n")
        self._kept_by[task] = judgement.kept
        top1 = facts["measures"]["openmoji"]["en"]["top1"]
        told = f"{task.level} {task.set} {task.seed}: {facts['pairs']:,} pairs, loss {loss:.3f}"
        print(f"{told}, English top-1 {top1:.3f}, {learnt_s:.0f} s", flush=True)

    def _read(self) -> Iterator[tuple[Task, Mask]]:
        for facts in results(self._results):
            task = Task(level=facts["level"], set=facts["set"], seed=facts["seed"])
            if any(facts[name] != value for name, value in asdict(self.course).items()):
                raise ValueError(f"{self._results} has models of another course; remove it.")
            bits = np.frombuffer(bytes.fromhex(facts["keeps"]), np.uint8)
            count = len(self.prepared.levels[task.level].image)
            yield task, np.unpackbits(bits, count=count).astype(bool)


def results(file: Path) -> list[dict[str, Any]]:
    """What is known of each model that is trained."""
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def run(prepared: Prepared, setting: Setting, out: Path, on: str) -> None:
    """Train the plan, as many models at once as the machine has processors for."""
    at_once = min(len(SEEDS), os.cpu_count() or 1)
    trainings = Trainings(prepared, setting.course, out, on)
    learners = [trainings.learner() for _ in range(at_once)]
    for wave in waves(list(prepared.levels))[: setting.waves]:
        _train_all(trainings, wave, learners)


def _train_all(trainings: Trainings, wave: Sequence[Task], learners: Sequence[Learner]) -> None:
    idle: SimpleQueue[Learner] = SimpleQueue()
    for learner in learners:
        idle.put(learner)

    def train(task: Task) -> None:
        learner = idle.get()
        try:
            trainings.train(task, learner)
        finally:
            idle.put(learner)

    with ThreadPoolExecutor(len(learners)) as pool:
        list(pool.map(train, wave))


def main() -> None:
    """Train what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m training.filtering.trainings", description=__doc__
    )
    parser.add_argument("--prepared", type=Path, required=True, help="prepared.npz")
    parser.add_argument("--out", type=Path, required=True, help="the folder of the results")
    parser.add_argument("--setting", choices=SETTINGS, default=default_setting())
    asked = parser.parse_args()
    run(Prepared.load(asked.prepared), SETTINGS[asked.setting], asked.out, device())


if __name__ == "__main__":
    main()
