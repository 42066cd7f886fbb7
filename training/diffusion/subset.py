"""Exports the colourful part of a small demo's lake, by an aesthetic score of our own.

LAION's aesthetic heads learnt from people's ratings, over embeddings that mini CLIP does not make.
Here a head of the same kind, one layer over mini CLIP's embeddings, learns how colourful a drawing
is (Hasler and Süsstrunk, 2003), from 0 to 10: everything after that is as with LAION's.
"""

from __future__ import annotations

import hashlib
import random
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from benchmarks.harness.processes import ROOT
from pairlake.demo.pictures import Picture, pictures, render
from training.filtering.lakes import Head, Lake, by_similarity, lay_out
from training.mini_clip.evaluate import MiniClip

MINI_CLIP = "mini_clip"
# Mini CLIP's own threshold; see its model card.
THRESHOLD = 0.27
COLOURFUL = "colourful"
LEAST_SCORE = 5.0
_FILE = "head.pth"
_SEED = 41
_RIDGE = 1.0
_SIDE = 96


def export_subset(home: Path, drawings: int, destination: Path) -> None:
    """Crawl, fetch, judge and rate a web of so many drawings, and export what scores high."""
    if (destination / "provenance.json").exists():
        return
    models = home / "models"
    shutil.copytree(ROOT / "demo" / MINI_CLIP, models / MINI_CLIP, dirs_exist_ok=True)
    head = fit_head(models / COLOURFUL, models / MINI_CLIP, pictures())
    recipe, _ = by_similarity(MINI_CLIP, (THRESHOLD, THRESHOLD))
    recipe |= {"recipe": "bench_colourful", "aesthetic_model": COLOURFUL}
    lay_out(home / "project", [recipe], heads=[head])
    lake = _lake(home, drawings)
    lake.land()
    lake.judge("bench_colourful", models, "image_aesthetics")
    chosen = f"aesthetic_score >= {LEAST_SCORE:g}"
    lake.export(destination, "--format", "webdataset", "--where", chosen)


def drawing_by_url(home: Path, drawings: int) -> dict[str, str]:
    """What is drawn in each picture of that web, by the truth that no filter reads."""
    truth = _lake(home, drawings).truth()
    return dict(zip(truth["image_url"].to_pylist(), truth["picture"].to_pylist(), strict=True))


def _lake(home: Path, drawings: int) -> Lake:
    return Lake(home=home / "lake", drawings=drawings, wrong_per_right=0.0)


def fit_head(folder: Path, clip: Path, of: Sequence[Picture]) -> Head:
    """A head over the embeddings of that model that says how colourful a drawing is, in `folder`.

    It learns from 0 for the least colourful of these drawings to 10 for the most; half have 5.
    """
    embedding_ND = MiniClip(clip).images(of, random.Random(_SEED)).astype(np.float64)
    colourful_N = np.array([colourfulness(picture) for picture in of])
    score_N = 10 * colourful_N.argsort().argsort() / len(of)
    mean_D = embedding_ND.mean(0)
    centred_ND = embedding_ND - mean_D
    squares_DD = centred_ND.T @ centred_ND + _RIDGE * np.eye(len(mean_D))
    weight_D = np.linalg.solve(squares_DD, centred_ND.T @ (score_N - score_N.mean()))
    folder.mkdir(parents=True, exist_ok=True)
    state = {
        "weight": torch.from_numpy(weight_D[None]).float(),
        "bias": torch.tensor([score_N.mean() - mean_D @ weight_D]).float(),
    }
    torch.save(state, folder / _FILE)
    sha256 = hashlib.sha256((folder / _FILE).read_bytes()).hexdigest()
    return Head(
        name=folder.name,
        kind="aesthetic",
        encoder=MINI_CLIP,
        dimension=len(weight_D),
        file=_FILE,
        sha256=sha256,
    )


def colourfulness(picture: Picture) -> float:
    """Of a drawing on white, by how far its colours are from grey and from one another."""
    drawing = render(picture, _SIDE)
    page = Image.new("RGBA", drawing.size, "white")
    rgb_HWC: npt.NDArray[np.float64] = np.asarray(
        Image.alpha_composite(page, drawing).convert("RGB"), np.float64
    )
    red, green, blue = np.moveaxis(rgb_HWC, 2, 0)
    red_green, yellow_blue = red - green, (red + green) / 2 - blue
    spread = np.hypot(red_green.std(), yellow_blue.std())
    return float(spread + 0.3 * np.hypot(red_green.mean(), yellow_blue.mean()))
