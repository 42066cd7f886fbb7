"""Trains the model that filters, on drawings that are neither in the noisy web nor measured.

`python -m benchmarks.filtering.teacher --out DIR`; by the demo's own trainer.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from benchmarks.filtering.drawings import TEACHERS, drawn_by
from benchmarks.processes import ROOT
from demo.train import Training, train

DATA = ROOT / "build" / "bench-filtering"


def main() -> None:
    """Train for as long as the command line says."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.filtering.teacher", description=__doc__
    )
    parser.add_argument("--out", type=Path, required=True, help="the folder of the model")
    parser.add_argument("--steps", type=int, default=Training.steps)
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("--batch-size", type=int, default=Training.batch_size)
    asked = parser.parse_args()
    drawings = [picture for one in TEACHERS for picture in drawn_by(one, DATA / "drawings")]
    train(
        Training(
            out=asked.out, steps=asked.steps, minutes=asked.minutes, batch_size=asked.batch_size
        ),
        drawings,
    )


if __name__ == "__main__":
    main()
