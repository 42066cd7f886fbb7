"""Trains a tiny text-to-image model on an exported subset, and prints what it learnt.

`python -m training.diffusion`: the samples go to docs/pictures/diffusion.png.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from benchmarks.harness.processes import BUILD, ROOT
from benchmarks.harness.tables import heading, machine, note, table
from training.diffusion.painter import SIDE, Painter
from training.diffusion.subset import MINI_CLIP, drawing_by_url, export_subset
from training.filtering.prepared import squared
from training.mini_clip.evaluate import MiniClip

DATA = BUILD / "bench-diffusion"
PICTURE = ROOT / "docs" / "pictures" / "diffusion.png"
SEED = 5
_CLIP = ROOT / "demo" / MINI_CLIP
_SHOWN = 10
_ZOOM = 3


@dataclass(frozen=True, kw_only=True)
class Following:
    """How samples follow captions: similarity with their own and with others', and who finds whom.

    `top1` is the share of samples that are more like their own caption than like any other.
    """

    own: float
    others: float
    top1: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Export, train, draw, measure."""
    parser = argparse.ArgumentParser(prog="python -m training.diffusion", description=__doc__)
    parser.add_argument("--drawings", type=int, default=80, help="of the demo's web")
    parser.add_argument("--steps", type=int, default=2_500)
    parser.add_argument("--batch", type=int, default=16)
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    machine("A text-to-image model on an exported subset", {"torch": torch.__version__})
    web, shards = DATA / f"web-{asked.drawings}", DATA / f"colourful-{asked.drawings}"
    export_subset(web, asked.drawings, shards)
    picture_NCHW, captions, drawings = read_shards(shards, drawing_by_url(web, asked.drawings))
    questions = _questions(captions, drawings)
    painter, clip = Painter(_CLIP, SEED), MiniClip(_CLIP)
    texts = [captions[number] for number in questions]
    before = painter.draw(texts, SEED)
    started = time.process_time()
    losses = painter.learn(picture_NCHW, captions, asked.steps, asked.batch, SEED)
    spent_s = time.process_time() - started
    after = painter.draw(texts, SEED)
    painter.save(DATA / "model")
    _print_losses(losses, len(captions), spent_s)
    shown = {
        "at the start": before,
        "at the end": after,
        "the subset's own": picture_NCHW[questions],
    }
    _print_following(clip, texts, shown)
    _save_picture([picture_NCHW[questions], before, after])
    note("The first, from left to right: " + "; ".join(texts[:_SHOWN]))


def read_shards(folder: Path, drawing: Mapping[str, str]) -> tuple[Tensor, list[str], list[str]]:
    """The pictures of an export, (N, 3, SIDE, SIDE) from -1 to 1, captions, and what is drawn."""
    import webdataset

    shards = [str(shard) for shard in sorted(folder.glob("*.tar"))]
    pairs = webdataset.WebDataset(shards, shardshuffle=False).decode("pil")
    pictures, captions, drawings = [], [], []
    for picture, caption, told in pairs.to_tuple("jpg", "txt", "json"):
        pictures.append(squared(picture, SIDE))
        captions.append(caption)
        drawings.append(drawing[told["url"]])
    picture_NHWC = torch.from_numpy(np.stack(pictures)).float() / 127.5 - 1
    return picture_NHWC.permute(0, 3, 1, 2).contiguous(), captions, drawings


def _questions(captions: Sequence[str], drawings: Sequence[str]) -> list[int]:
    """A pair of each drawing, in Latin letters where there is one."""
    found: dict[str, int] = {}
    for number in sorted(range(len(captions)), key=lambda number: not captions[number].isascii()):
        found.setdefault(drawings[number], number)
    return list(found.values())


def _print_losses(losses: Sequence[float], pairs: int, spent_s: float) -> None:
    heading("The loss")
    tenth = max(1, len(losses) // 10)
    rows = [
        (f"{start + 1:,} to {start + tenth:,}", f"{np.mean(losses[start : start + tenth]):.4f}")
        for start in range(0, len(losses) - tenth + 1, tenth)
    ]
    table(("steps", "mean loss"), rows)
    note(f"{len(losses):,} steps on {pairs:,} pairs, {spent_s / 60:.1f} CPU minutes.")


def _print_following(clip: MiniClip, texts: Sequence[str], shown: dict[str, Tensor]) -> None:
    heading("How pictures follow captions, by mini CLIP")
    rows = []
    for name, picture_NCHW in shown.items():
        found = follow(clip, picture_NCHW, texts)
        difference = found.own - found.others
        rows.append((name, *(f"{one:.3f}" for one in (found.own, found.others, difference)),
                     f"{found.top1:.3f}"))  # fmt: skip
    columns = ("pictures", "own caption", "shuffled captions", "difference", "top-1")
    table(columns, rows)
    note(f"Of {len(texts)} captions; by chance top-1 is {1 / len(texts):.3f}.")


@torch.no_grad()
def follow(clip: MiniClip, picture_NCHW: Tensor, texts: Sequence[str]) -> Following:
    """Measure pictures beside the captions that they were drawn for."""
    images = [clip.preprocess(image) for image in _images(picture_NCHW)]
    image_ND = clip.model.encode_image(torch.stack(images), normalize=True).numpy()
    score_NN = image_ND @ clip.captions(texts).T
    own_N = score_NN.diagonal()
    others_NN = score_NN[~np.eye(len(texts), dtype=bool)]
    return Following(
        own=float(own_N.mean()),
        others=float(others_NN.mean()),
        top1=float((score_NN.argmax(1) == np.arange(len(texts))).mean()),
    )


def _images(picture_NCHW: Tensor) -> list[Image.Image]:
    byte_NHWC = ((picture_NCHW + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
    return [Image.fromarray(byte_HWC) for byte_HWC in byte_NHWC]


def _save_picture(rows: Sequence[Tensor]) -> None:
    size = SIDE * _ZOOM
    sheet = Image.new("RGB", (size * min(_SHOWN, len(rows[0])), size * len(rows)), "white")
    for down, row in enumerate(rows):
        for across, image in enumerate(_images(row[:_SHOWN])):
            sheet.paste(
                image.resize((size, size), Image.Resampling.NEAREST), (across * size, down * size)
            )
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
