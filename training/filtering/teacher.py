"""Trains the model that filters, on drawings that are neither in the noisy web nor measured.

`python -m training.filtering.teacher --out DIR`; by the demo's own trainer.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.harness.processes import BUILD
from pairlake.demo.pictures import pictures
from training.filtering.drawings import TEACHERS, chosen, drawn_by
from training.mini_clip.train import Training, train

DATA = BUILD / "bench-filtering"


def main() -> None:
    """Train for as long as the command line says."""
    parser = argparse.ArgumentParser(
        prog="python -m training.filtering.teacher", description=__doc__
    )
    parser.add_argument("--out", type=Path, required=True, help="the folder of the model")
    parser.add_argument("--steps", type=int, default=Training.steps)
    parser.add_argument("--batch-size", type=int, default=Training.batch_size)
    parser.add_argument(
        "--drawings", type=int, default=len(pictures()), help="of the web it is for"
    )
    asked = parser.parse_args()
    shown = {picture.hexcode for picture in chosen(asked.drawings)}
    drawings = [
        picture
        for one in TEACHERS
        for picture in drawn_by(one, DATA / "drawings")
        if picture.hexcode in shown
    ]
    train(
        Training(out=asked.out, steps=asked.steps, batch_size=asked.batch_size),
        drawings,
    )


if __name__ == "__main__":
    main()
