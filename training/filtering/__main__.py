"""Trains the same CLIP on what each filter leaves, and prints what it learnt.

`python -m training.filtering`: whatever is done already stands in build/bench-filtering, and is
not done again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.harness.processes import ROOT, clean_environment, module
from benchmarks.harness.tables import heading, machine, note, table
from training.filtering.lakes import Lake, by_similarity, lay_out
from training.filtering.measures import Encoder, Judgement, judge
from training.filtering.prepare import gather, judged
from training.filtering.prepared import Level, Prepared
from training.filtering.report import report
from training.filtering.settings import SETTINGS, WEBS, Setting, default_setting, device
from training.filtering.teacher import DATA
from training.filtering.trainings import RESULTS, results, run

import open_clip  # isort: skip

TEACHER = "teacher"
FILTER = "filter.json"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print everything, after doing what is not done yet."""
    parser = argparse.ArgumentParser(prog="python -m training.filtering", description=__doc__)
    parser.add_argument("--setting", choices=SETTINGS, default=default_setting())
    asked = parser.parse_args(arguments)
    setting, home = SETTINGS[asked.setting], DATA / asked.setting
    on = device()
    machine("CLIP trained on what each filter leaves", {"torch": torch.__version__})
    print(f"- setting {asked.setting}: {setting}; trained on {on}")
    started = time.monotonic()
    teach(home / "models" / TEACHER, setting)
    prepared = prepare(home, setting, on)
    _webs(prepared, json.loads((home / FILTER).read_text()))
    run(prepared, setting, home, on)
    found = results(home / RESULTS)
    report(list(prepared.levels), found)
    note(
        f"{len(found)} models in {sum(model['seconds'] for model in found) / 60:.0f} minutes of "
        f"training; this run took {(time.monotonic() - started) / 60:.0f} minutes."
    )


def teach(folder: Path, setting: Setting) -> None:
    """Train the model that filters, on other designers' drawings of the same."""
    if (folder / "training.json").exists():
        return
    asked = ["--out", folder, "--steps", setting.teacher_steps, "--drawings", setting.drawings]
    threads = os.environ.get("OMP_NUM_THREADS", "1")
    command = module("training.filtering.teacher", *asked)
    subprocess.run(command, cwd=ROOT, env=clean_environment(OMP_NUM_THREADS=threads), check=True)


def prepare(home: Path, setting: Setting, on: str) -> Prepared:
    """The webs as pairlake took and judged them, and what to measure with."""
    file = home / "prepared.npz"
    if file.exists():
        return Prepared.load(file)
    lay_out(home / "project")
    lakes = {
        name: Lake(home=home / name, drawings=setting.drawings, wrong_per_right=WEBS[name])
        for name in setting.webs
    }
    for lake in lakes.values():
        lake.land()
    prepared = gather(lakes, setting.drawings, DATA)
    models = home / "models"
    model, _ = open_clip.create_model_from_pretrained(
        f"local-dir:{models / TEACHER}", precision="fp32", device=on
    )
    judgements = {
        name: judge(Encoder(model, on), prepared, level) for name, level in prepared.levels.items()
    }
    # The noisiest has the most strangers to draw from; they are strangers in all.
    thresholds = list(judgements.values())[-1].thresholds
    lay_out(home / "project", by_similarity(TEACHER, thresholds), [TEACHER])
    prepared = judged(prepared, lakes, f"bench_{TEACHER}", models)
    _note_filter(home, prepared, judgements, thresholds)
    prepared.save(file)
    return prepared


def _note_filter(
    home: Path,
    prepared: Prepared,
    judgements: dict[str, Judgement],
    thresholds: tuple[float, float],
) -> None:
    facts = {
        name: {
            "auc": judgements[name].facts(level)["auc"],
            "thresholds": thresholds,
            "agreement": _agreement(judgements[name], level, thresholds),
        }
        for name, level in prepared.levels.items()
    }
    (home / FILTER).write_text(json.dumps(facts, indent=1) + "\n")


def _agreement(judgement: Judgement, level: Level, thresholds: tuple[float, float]) -> float:
    """Of the pairs of good form, the share of which pairlake says what the arrays say."""
    least = np.where(level.english, *thresholds)
    same = (judgement.similarity >= least) == level.kept
    return float(same[level.form].mean())


def _webs(prepared: Prepared, teacher: Mapping[str, Mapping[str, Any]]) -> None:
    heading("The webs, as pairlake judged them by the teacher")
    rows = []
    for name, level in prepared.levels.items():
        right_kept = int((level.kept & level.right).sum())
        rows.append(
            (
                name,
                len(level.image),
                f"{1 - level.right.mean():.3f}",
                int(level.form.sum()),
                f"{teacher[name]['auc']:.3f}",
                int(level.kept.sum()),
                f"{right_kept / level.kept.sum():.3f}",
                f"{right_kept / (level.form & level.right).sum():.3f}",
                int(level.deduplicated.sum()),
            )
        )
    columns = ("pairs", "wrong", "good form", "AUC", "kept", "precision", "recall", "deduplicated")
    table(("web", *columns), rows)
    for name, facts in teacher.items():
        least = " and ".join(f"{one:.3f}" for one in facts["thresholds"])
        note(
            f"{name}: from {least} on (English, others). Pairlake and the arrays by which trained "
            f"models judge agree on {facts['agreement']:.3f} of the pairs."
        )


if __name__ == "__main__":
    main()
