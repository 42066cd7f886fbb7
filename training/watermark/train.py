"""Trains the watermark detector: python -m training.watermark.train --pictures FOLDER --out DIR.

It writes `watermark_cnn.safetensors` to DIR, and what it measured into DIR/MODEL_CARD.md.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
import simplejpeg
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from pairlake.udfs.watermark import network
from pairlake.udfs.watermark.network import WatermarkNet
from pairlake.udfs.watermark.weights import WEIGHTS
from training.watermark.evaluate import report
from training.watermark.lettering import find_letters
from training.watermark.pictures import load_tested, load_trained
from training.watermark.samples import (
    SMALL_SIZES,
    TRAINING_SIZES,
    Sample,
    Task,
    World,
    draw_all,
    training_batch,
)

_BEGIN, _END = "<!-- measured by training.watermark.train -->", "<!-- end of what it measured -->"


@dataclass(frozen=True, kw_only=True)
class Training:
    """The settings of one training run."""

    out: Path
    samples: int = 160_000
    batch_size: int = 16
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    warmup_steps: int = 150
    # The share of the steps, the last ones, in which the learning rate falls to nothing.
    falling: float = 0.25
    # What the map of cells weighs beside the picture's own label, and its inked cells in it.
    cells: float = 10.0
    inked: float = 5.0
    seed: int = 7
    # Processes that draw the pictures, beside the one that learns from them.
    processes: int = 1
    # Every so many steps all that a later start needs to go on is written.
    saved_steps: int = 200

    def __post_init__(self) -> None:
        if self.samples < self.batch_size or self.processes < 0:
            raise ValueError(
                f"samples must reach {self.batch_size} and processes 0, got "
                f"{self.samples} and {self.processes}"
            )
        if self.batch_size % 2:
            raise ValueError(f"batch_size must be even, for pairs of scenes, got {self.batch_size}")

    @property
    def state(self) -> Path:
        """Where a run keeps what it needs to go on."""
        return self.out / "training.pt"

    def settings(self) -> dict[str, float]:
        """What decides the weights, beside the number of samples and the pictures themselves."""
        other = ("out", "samples", "processes", "saved_steps")
        return {name: value for name, value in asdict(self).items() if name not in other}

    @property
    def steps(self) -> int:
        """How many batches there are to learn from."""
        return self.samples // self.batch_size

    @property
    def first_falling(self) -> int:
        """The step from which the learning rate falls; before it nothing depends on `samples`."""
        return min(self.steps - 1, round(self.steps * (1 - self.falling)))

    def rate(self, step: int) -> float:
        """The learning rate of a step: it rises at first, stays, and falls at the end."""
        rises = (step + 1) / self.warmup_steps
        falls = (self.steps - step) / (self.steps - self.first_falling)
        return self.learning_rate * min(1.0, rises, falls)

    def tasks(self, step: int) -> list[Task]:
        """The pictures of a step, all of one size: small ones until the learning rate falls."""
        rng = random.Random(f"{self.seed} {step}")
        sizes = TRAINING_SIZES if step >= self.first_falling else SMALL_SIZES
        return training_batch(rng.choice(sizes), self.batch_size, rng)


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
    """Model and optimizer of one run, at one of its steps."""

    def __init__(self, run: Training) -> None:
        torch.manual_seed(run.seed)
        self.run, self.step = run, 0
        self.model = WatermarkNet().train()
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=run.learning_rate, weight_decay=run.weight_decay
        )

    def learn(self, batch: Sequence[Sample]) -> tuple[float, float]:
        """Learn from one batch; its loss and the share of right answers."""
        noise = np.random.default_rng([self.run.seed, self.step])
        image_BCHW, label_B, ink_BHW = tensors(batch, noise)
        for group in self.optimizer.param_groups:
            group["lr"] = self.run.rate(self.step)
        logit_B, cell_BHW = self.model(image_BCHW)
        inked = torch.tensor(self.run.inked)
        loss = F.binary_cross_entropy_with_logits(logit_B, label_B)
        cells = F.binary_cross_entropy_with_logits(cell_BHW, ink_BHW, pos_weight=inked)
        self.optimizer.zero_grad(set_to_none=True)
        (loss + self.run.cells * cells).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 2.0)
        self.optimizer.step()
        self.step += 1
        right = ((logit_B > 0) == (label_B > 0.5)).float().mean()
        return float(loss.detach()), float(right)

    def save(self) -> None:
        """Write all that a later start needs, at once or not at all."""
        state = {
            "settings": self.run.settings(),
            "samples": self.run.samples,
            "step": self.step,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        unfinished = self.run.state.with_suffix(".unfinished")
        torch.save(state, unfinished)
        unfinished.replace(self.run.state)

    def go_on(self) -> None:
        """Take up what an earlier start of this run left."""
        if not self.run.state.exists():
            return
        state = torch.load(self.run.state, weights_only=True)
        before = replace(self.run, samples=state["samples"])
        falls = state["step"] > min(self.run.first_falling, before.first_falling)
        if state["settings"] != self.run.settings() or (falls and before != self.run):
            raise SystemExit(
                f"{self.run.state} is of a training with other settings ({state['settings']}, "
                f"{state['samples']} samples): give those again, or another --out"
            )
        self.step = state["step"]
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])


def train(run: Training, world: World) -> None:
    """Learn from each sample once, as it is drawn, and leave the weights in `run.out`.

    Stopped at any moment and started again, it goes on from the last step that it saved, and ends
    with the same weights.
    """
    run.out.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(run)
    trainer.go_on()
    print(f"{trainer.step} of {run.steps} steps are done", flush=True)
    started, recent = time.monotonic(), []
    tasks = (task for step in range(trainer.step, run.steps) for task in run.tasks(step))
    for batch in batched(draw_all(tasks, world, run.processes), run.batch_size):
        recent.append(trainer.learn(batch))
        if trainer.step % run.saved_steps == 0 or trainer.step == run.steps:
            loss, right = np.mean(recent, axis=0)
            spent = time.monotonic() - started
            print(f"step {trainer.step} loss {loss:.4f} right {right:.3f} seconds {spent:.0f}",
                  flush=True)  # fmt: skip
            recent = []
            trainer.save()
    network.save(trainer.model.fuse(), run.out / WEIGHTS.name)


def batched(samples: Iterator[Sample], size: int) -> Iterator[list[Sample]]:
    """The samples in lists of `size`, as itertools.batched of Python 3.12 would give them."""
    while batch := list(islice(samples, size)):
        yield batch


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
    parser = argparse.ArgumentParser(prog="python -m training.watermark.train", description=__doc__)
    for name, what in (
        ("--pictures", "what is learnt from"),
        ("--tested", "what is only measured on"),
        ("--fonts", "for both"),
    ):
        parser.add_argument(name, type=Path, nargs="+", required=True, metavar="FOLDER", help=what)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--samples", type=int, default=Training.samples)
    parser.add_argument("--seed", type=int, default=Training.seed)
    parser.add_argument("--processes", type=int, default=Training.processes)
    parser.add_argument("--also", type=_also, nargs="*", default=[], metavar="TITLE=FOLDER",
                        help="measure on FOLDER/marked and FOLDER/clean too")  # fmt: skip
    parser.add_argument("--measure", action="store_true", help="only measure the weights in DIR")
    return parser.parse_args()


def main() -> None:
    """Train, measure, and write weights and card."""
    asked = _arguments()
    letters = find_letters(asked.fonts)
    seen = World(scenes=load_trained(asked.pictures, asked.tested), letters=letters[0])
    run = Training(out=asked.out, samples=asked.samples, seed=asked.seed, processes=asked.processes)
    if not asked.measure:
        train(run, seen)
    unseen = World(scenes=load_tested(asked.tested), letters=letters[1])
    measured = report(run.out / WEIGHTS.name, seen, unseen, dict(asked.also))
    write_measured(run.out / "MODEL_CARD.md", measured)
    print(measured)


if __name__ == "__main__":
    main()
