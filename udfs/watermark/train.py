"""Trains the watermark detector: python -m udfs.watermark.train --pictures FOLDER --out DIR.

It writes `watermark_cnn.safetensors` to DIR, and what it measured into DIR/MODEL_CARD.md.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import simplejpeg
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from udfs.watermark import network
from udfs.watermark.evaluate import report
from udfs.watermark.lettering import find_letters
from udfs.watermark.network import WatermarkNet
from udfs.watermark.pictures import Size, load_sources
from udfs.watermark.samples import Sample, World, draw_all, training_tasks
from udfs.watermark.weights import WEIGHTS

_BEGIN, _END = "<!-- measured by udfs.watermark.train -->", "<!-- end of what it measured -->"


@dataclass(frozen=True, kw_only=True)
class Training:
    """The settings of one training run."""

    out: Path
    samples: int = 90_000
    batch_size: int = 16
    learning_rate: float = 1.3e-3
    weight_decay: float = 0.02
    warmup_steps: int = 150
    # What the map of cells weighs beside the picture's own label, and its inked cells in it.
    cells: float = 10.0
    inked: float = 5.0
    seed: int = 7
    # Weights to go on from; they have no batch norms any more, and want a lower learning rate.
    start: Path | None = None
    # Processes that draw the pictures, beside the one that learns from them.
    processes: int = 1

    def __post_init__(self) -> None:
        if self.samples < self.batch_size or self.processes < 0:
            raise ValueError(
                f"samples must reach {self.batch_size} and processes 0, got "
                f"{self.samples} and {self.processes}"
            )


def batches(samples: Iterable[Sample], size: int) -> Iterator[list[Sample]]:
    """The samples in batches of `size` pictures of the same width and height; the rest is left."""
    waiting: dict[Size, list[Sample]] = {}
    for sample in samples:
        alike = waiting.setdefault(sample.task.size, [])
        alike.append(sample)
        if len(alike) == size:
            yield waiting.pop(sample.task.size)


def tensors(batch: Sequence[Sample], rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Pixels (B, 3, H, W), labels (B,) and ink of the cells (B, h, w), some of them mirrored."""
    pixels, cells = [], []
    for sample in batch:
        step = -1 if rng.random() < 0.5 else 1
        pixels.append(simplejpeg.decode_jpeg(sample.jpeg, "RGB")[:, ::step])
        cells.append(sample.cells[:, ::step])
    image_BCHW = network.as_tensor(np.stack(pixels))
    shape = (len(batch), 1, 1, 1)
    gain = torch.from_numpy(rng.uniform(0.85, 1.15, shape).astype(np.float32))
    lift = torch.from_numpy(rng.uniform(-15, 15, shape).astype(np.float32))
    label_B = torch.tensor([float(sample.marked) for sample in batch])
    ink_BHW = torch.from_numpy(np.stack(cells)).float() / 255
    return (image_BCHW * gain + lift).clamp_(0, 255), label_B, ink_BHW


class Trainer:
    """Model and optimizer of one run."""

    def __init__(self, run: Training) -> None:
        torch.manual_seed(run.seed)
        self.run, self.steps, self.step = run, run.samples // run.batch_size, 0
        self.model = network.load(run.start) if run.start else WatermarkNet().train()
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=run.learning_rate, weight_decay=run.weight_decay
        )

    def learn(self, image_BCHW: Tensor, label_B: Tensor, ink_BHW: Tensor) -> tuple[float, float]:
        """Learn from one batch; its loss and the share of right answers."""
        warm = min(1.0, (self.step + 1) / self.run.warmup_steps)
        rate = (
            self.run.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * self.step / self.steps))
        )
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        with torch.autocast("cpu", torch.bfloat16):
            logit_B, cell_BHW = self.model(image_BCHW)
        inked = torch.tensor(self.run.inked)
        loss = F.binary_cross_entropy_with_logits(logit_B.float(), label_B)
        cells = F.binary_cross_entropy_with_logits(cell_BHW.float(), ink_BHW, pos_weight=inked)
        self.optimizer.zero_grad(set_to_none=True)
        (loss + self.run.cells * cells).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 2.0)
        self.optimizer.step()
        self.step += 1
        right = ((logit_B > 0) == (label_B > 0.5)).float().mean()
        return float(loss.detach()), float(right)


def train(run: Training, world: World) -> None:
    """Learn from each sample once, as it is drawn, and leave the weights in `run.out`."""
    run.out.mkdir(parents=True, exist_ok=True)
    started, noise = time.monotonic(), np.random.default_rng(run.seed)
    samples = draw_all(training_tasks(run.samples, run.seed), world, run.processes)
    trainer = Trainer(run)
    recent: list[tuple[float, float]] = []
    for step, batch in enumerate(batches(samples, run.batch_size), 1):
        recent.append(trainer.learn(*tensors(batch, noise)))
        if step % 100 == 0:
            loss, right = np.mean(recent, axis=0)
            seconds = time.monotonic() - started
            print(
                f"step {step} loss {loss:.4f} right {right:.3f} seconds {seconds:.0f}", flush=True
            )
            recent = []
        if step % 1000 == 0:
            network.save(deepcopy(trainer.model).fuse(), run.out / WEIGHTS.name)
    network.save(trainer.model.fuse(), run.out / WEIGHTS.name)


def write_measured(card: Path, measured: str) -> None:
    """Put what was measured between the card's two marks; a new card holds nothing else."""
    text = card.read_text() if card.exists() else f"{_BEGIN}\n{_END}\n"
    before, _, rest = text.partition(_BEGIN)
    after = rest.partition(_END)[2]
    card.write_text(f"{before}{_BEGIN}\n{measured}\n{_END}{after}")


def _also(argument: str) -> tuple[str, Path]:
    title, _, folder = argument.rpartition("=")
    if not title or not (Path(folder) / "marked").is_dir():
        raise argparse.ArgumentTypeError(f"expected TITLE=FOLDER with FOLDER/marked: {argument}")
    return title, Path(folder)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m udfs.watermark.train", description=__doc__)
    parser.add_argument("--pictures", type=Path, nargs="+", required=True, metavar="FOLDER")
    parser.add_argument("--fonts", type=Path, nargs="+", required=True, metavar="FOLDER")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--samples", type=int, default=Training.samples)
    parser.add_argument("--seed", type=int, default=Training.seed)
    parser.add_argument("--rate", type=float, default=Training.learning_rate)
    parser.add_argument("--start", type=Path, metavar="FILE", help="weights to go on from")
    parser.add_argument("--processes", type=int, default=Training.processes)
    parser.add_argument("--also", type=_also, nargs="*", default=[], metavar="TITLE=FOLDER",
                        help="measure on FOLDER/marked and FOLDER/clean too")  # fmt: skip
    parser.add_argument("--measure", action="store_true", help="only measure the weights in DIR")
    return parser.parse_args()


def main() -> None:
    """Train, measure, and write weights and card."""
    asked = _arguments()
    sides = zip(load_sources(asked.pictures), find_letters(asked.fonts), strict=True)
    seen, unseen = (World(scenes=scenes, letters=letters) for scenes, letters in sides)
    run = Training(
        out=asked.out,
        samples=asked.samples,
        learning_rate=asked.rate,
        seed=asked.seed,
        start=asked.start,
        processes=asked.processes,
    )
    if not asked.measure:
        train(run, seen)
    measured = report(run.out / WEIGHTS.name, seen, unseen, dict(asked.also))
    write_measured(run.out / "MODEL_CARD.md", measured)
    print(measured)


if __name__ == "__main__":
    main()
