"""Makes a text tower of random weights; times towers alone: `MODELS NAME TEXTS`, prints JSON."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.harness.processes import ROOT
from benchmarks.harness.weights import random_clip
from pairlake.udfs.clip import WEIGHTS

MINI = "mini_clip"
RANDOM = "random-ViT-B-32"
WARM = 10
MINI_DIMENSIONS = 192


def models(folder: Path) -> Path:
    """A folder with the demo's mini CLIP and a ViT-B-32 of random weights, as PAIRLAKE_MODELS."""
    if not (folder / RANDOM / WEIGHTS).exists():
        random_clip(folder / RANDOM, "ViT-B-32")
    mini = folder / MINI
    if not mini.exists():
        mini.symlink_to(ROOT / "demo" / MINI, target_is_directory=True)
    return folder


def texts(count: int) -> list[str]:
    """Queries of four words, no two alike."""
    from benchmarks.searching.worlds import WORDS

    rng = np.random.default_rng(3)
    return [" ".join(rng.choice(WORDS, 4)) for _ in range(count)]


def main(folder: str, name: str, count: int) -> None:
    """Seconds of each text, encoded alone, as the server does."""
    os.environ["PAIRLAKE_MODELS"] = folder
    from pairlake.udfs.caption_embeddings import encoder

    encode, seconds = encoder(name).encode_captions, []
    for text in texts(WARM + count):
        began = time.perf_counter()
        encode([text])
        seconds.append(time.perf_counter() - began)
    print(json.dumps({"seconds": seconds[WARM:]}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
