"""Runs open_clip's own training program on exported shards, as docs/training.md says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

# The program as it is. The shim is for a CPU torch beside a CUDA torchvision, as here.
_PROGRAM = """
import runpy
import pairlake.udfs.torchvision_shim
runpy.run_module("open_clip_train.main", run_name="__main__")
"""
_TINY = {
    "model_cfg": {
        "embed_dim": 32,
        "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16},
        "text_cfg": {"context_length": 24, "width": 64, "heads": 1, "layers": 1},
    },
    "preprocess_cfg": {"mean": [0.5] * 3, "std": [0.5] * 3},
}
_LOSS = re.compile(r"Contrastive_loss: ([0-9.]+)")


def train(shards: str, logs: Path, *, batch: int, epochs: int) -> list[float]:
    """Train a tiny model; the loss of each step, as the program logs it."""
    config = logs.parent / "tiny"
    config.mkdir(parents=True)
    (config / "open_clip_config.json").write_text(json.dumps(_TINY))
    asked = {
        "model": f"local-dir:{config}",
        "dataset-type": "webdataset",
        "train-data": shards,
        "batch-size": batch,
        "epochs": epochs,
        "warmup": 1,
        "lr": 0.003,
        "workers": 0,
        "device": "cpu",
        "precision": "fp32",
        "logs": logs,
        "name": "it",
        "save-frequency": epochs,
        "log-every-n-steps": 1,
    }
    options = [word for name, value in asked.items() for word in (f"--{name}", str(value))]
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *options],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [float(loss) for loss in _LOSS.findall((logs / "it" / "out.log").read_text())]
