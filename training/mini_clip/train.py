"""Trains mini CLIP on the picture catalogue: python -m training.mini_clip.train --out DIR."""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812
from safetensors.torch import save_file
from torch import Tensor

import pairlake.udfs.torchvision_shim  # noqa: F401  # must come before open_clip
from pairlake.demo.captions import TEMPLATES
from pairlake.demo.pictures import LANGUAGES, Picture, pictures, pixel_groups
from training.mini_clip import bpe
from training.mini_clip.augment import Augmenter, rendered
from training.mini_clip.evaluate import held_out_captions, report

import open_clip  # isort: skip

CONTEXT_LENGTH = 40
VOCAB_SIZE = 8192
IMAGE_SIZE = 64
_MEAN = _STD = 0.5

MODEL_CONFIG: dict[str, dict[str, Any]] = {
    "model_cfg": {
        "embed_dim": 192,
        # The text tower as a module of its own also runs on fewer tokens than the context.
        "custom_text": True,
        "vision_cfg": {
            "image_size": IMAGE_SIZE,
            "layers": [1, 1, 1, 1],
            "width": 16,
            "patch_size": None,
        },
        "text_cfg": {
            "context_length": CONTEXT_LENGTH,
            "vocab_size": VOCAB_SIZE,
            "width": 192,
            "heads": 3,
            "layers": 2,
        },
    },
    "preprocess_cfg": {
        "mean": [_MEAN] * 3,
        "std": [_STD] * 3,
        "interpolation": "bicubic",
        "resize_mode": "shortest",
    },
}


@dataclass(frozen=True, kw_only=True)
class Training:
    """The settings of one training run; it ends at `steps` or `minutes`, whichever comes first."""

    out: Path
    steps: int = 15_000
    minutes: float = math.inf
    batch_size: int = 128
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.05
    warmup_steps: int = 500
    bare_names: float = 0.4
    seed: int = 11

    def __post_init__(self) -> None:
        if self.steps < 1 or self.minutes <= 0:
            raise ValueError(
                f"steps and minutes must be positive, got {self.steps} and {self.minutes}"
            )


class CaptionBank:
    """Every caption of every picture as tokens: the bare name first, then each template."""

    def __init__(
        self, tokenizer: open_clip.SimpleTokenizer, seed: int, of: Sequence[Picture]
    ) -> None:
        self.random = np.random.default_rng(seed)
        withheld = held_out_captions()
        shape = (len(of), len(LANGUAGES))
        self.allowed_NL = np.ones(shape, dtype=bool)
        tokens_LTC: dict[str, Tensor] = {}
        for number, picture in enumerate(of):
            for place, language in enumerate(LANGUAGES):
                self.allowed_NL[number, place] = withheld.get(picture.hexcode) != language
            if picture.hexcode not in tokens_LTC:
                tokens_LTC[picture.hexcode] = self._tokens(tokenizer, picture)
        self.tokens_NLTC = torch.stack([tokens_LTC[picture.hexcode] for picture in of])

    @staticmethod
    def _tokens(tokenizer: open_clip.SimpleTokenizer, picture: Picture) -> Tensor:
        captions = [
            text.format(name=picture.names[language])
            for language in LANGUAGES
            for text in ("{name}", *TEMPLATES[language])
        ]
        tokens: Tensor = tokenizer(captions).to(torch.int16)
        return tokens.reshape(len(LANGUAGES), -1, CONTEXT_LENGTH)

    def draw(self, picture_B: npt.NDArray[np.int64], bare_names: float) -> Tensor:
        """One caption of each picture in a language allowed for it, as tokens (B, C)."""
        chance_BL = self.random.random((len(picture_B), len(LANGUAGES)))
        language_B = (chance_BL * self.allowed_NL[picture_B]).argmax(1)
        template_B = self.random.integers(1, self.tokens_NLTC.shape[2], len(picture_B))
        template_B[self.random.random(len(picture_B)) < bare_names] = 0
        drawn_BC: Tensor = self.tokens_NLTC[picture_B, language_B, template_B].long()
        return drawn_BC


class PictureBatches:
    """Draws batches of pictures of which no two are of the same."""

    def __init__(self, seed: int, of: Sequence[Picture]) -> None:
        self.random = np.random.default_rng(seed)
        groups = pixel_groups()
        self.group_N = np.array([groups[picture.hexcode] for picture in of])

    def draw(self, count: int) -> npt.NDArray[np.int64]:
        """Pictures by their place in the catalogue, `count` or a few less."""
        drawn = self.random.permutation(len(self.group_N))[:count]
        _, first = np.unique(self.group_N[drawn], return_index=True)
        return drawn[first]


def encode_captions(model: open_clip.CustomTextCLIP, tokens_BC: Tensor) -> Tensor:
    """Caption embeddings (B, D) of length 1, in pieces of similar length to save padding."""
    length_B = (tokens_BC > 0).sum(1)
    order = length_B.argsort()
    tower = model.text
    full_mask = tower.attn_mask
    pieces = []
    for piece in order.tensor_split(2):
        longest = int(length_B[piece].max())
        # open_clip cuts the positions to the tokens given, but not the causal mask.
        tower.attn_mask = full_mask[:longest, :longest]
        pieces.append(model.encode_text(tokens_BC[piece, :longest], normalize=True))
    tower.attn_mask = full_mask
    return torch.cat(pieces)[order.argsort()]


def prepare(out: Path) -> open_clip.SimpleTokenizer:
    """Write the model's config and vocabulary to `out`; return its tokenizer."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "open_clip_config.json").write_text(json.dumps(MODEL_CONFIG, indent=2) + "\n")
    names = [picture.names[language] for picture in pictures() for language in LANGUAGES]
    # The words of a template come once for every picture; 50 times is enough to merge them first.
    sentences = [text.format(name="") for texts in TEMPLATES.values() for text in texts] * 50
    bpe.save(bpe.learn(names + sentences, VOCAB_SIZE), out / "bpe.txt.gz")
    return open_clip.SimpleTokenizer(
        bpe_path=str(out / "bpe.txt.gz"), context_length=CONTEXT_LENGTH
    )


def save(model: torch.nn.Module, out: Path) -> None:
    """Write the weights in half precision; running statistics and counts keep their type."""
    statistics = {name for name, _ in model.named_buffers()}
    state = {
        name: (value if name in statistics else value.half()).detach().cpu().contiguous()
        for name, value in model.state_dict().items()
    }
    save_file(state, out / "open_clip_model.safetensors")


class Trainer:
    """Model, data and optimizer of one run on the drawings of `of`."""

    def __init__(self, run: Training, of: Sequence[Picture]) -> None:
        torch.manual_seed(run.seed)
        self.run = run
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        tokenizer = prepare(run.out)
        self.augment = Augmenter(rendered(of), IMAGE_SIZE, run.seed, self.device)
        self.captions = CaptionBank(tokenizer, run.seed, of)
        self.batches = PictureBatches(run.seed, of)
        self.model = open_clip.create_model(
            f"local-dir:{run.out}", precision="fp32", device=self.device, load_weights=False
        )
        self.model.visual.to(memory_format=torch.channels_last)
        self.model.train()
        self.loss = open_clip.ClipLoss()
        # One learnt point for each distinct drawing, where its images and captions are to meet.
        shape = (int(self.batches.group_N.max()) + 1, self.model.visual.output_dim)
        self.anchor_GD = torch.nn.Parameter(torch.randn(shape).to(self.device) / shape[1] ** 0.5)
        decayed = [p for p in self.model.parameters() if p.ndim >= 2]
        others = [p for p in self.model.parameters() if p.ndim < 2]
        groups: list[dict[str, Any]] = [
            {"params": decayed, "weight_decay": run.weight_decay},
            {"params": [*others, self.anchor_GD], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(
            groups, lr=run.learning_rate, betas=(0.9, 0.98), fused=True
        )

    def images(self, picture_B: npt.NDArray[np.int64]) -> Tensor:
        """Embeddings (B, D) of length 1 of augmented renders."""
        image_BCHW = (self.augment(torch.from_numpy(picture_B)) - _MEAN) / _STD
        embedding_BD: Tensor = self.model.encode_image(image_BCHW, normalize=True)
        return embedding_BD

    def step(self, rate: float) -> float:
        """Learn from one batch at a learning rate; its loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        picture_B = self.batches.draw(self.run.batch_size)
        tokens_BC = self.captions.draw(picture_B, self.run.bare_names).to(self.device)
        image_BD, caption_BD = self.images(picture_B), encode_captions(self.model, tokens_BC)
        scale = self.model.logit_scale.exp()
        loss = self.loss(image_BD, caption_BD, scale)
        # The same formula against all pictures at once, where the batch alone offers few negatives.
        group_B = torch.from_numpy(self.batches.group_N[picture_B]).to(self.device)
        anchor_DG = F.normalize(self.anchor_GD, dim=1).T
        for embedding_BD in (image_BD, caption_BD):
            loss = loss + F.cross_entropy(scale * embedding_BD @ anchor_DG, group_B)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        with torch.no_grad():
            self.model.logit_scale.clamp_(0, math.log(100))
        return float(loss.detach())


def train(run: Training, of: Sequence[Picture] | None = None) -> None:
    """Leave config, vocabulary, weights and the facts of the run in `run.out`.

    `of` are the drawings that it learns, those of the catalogue unless told.
    """
    trainer = Trainer(run, pictures() if of is None else of)
    started, losses, step, done, seconds = time.monotonic(), [], 0, 0.0, 0.0
    while done < 1:
        warm = min(1.0, (step + 1) / run.warmup_steps)
        rate = run.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * done))
        losses.append(trainer.step(rate))
        step += 1
        seconds = time.monotonic() - started
        done = max(step / run.steps, seconds / 60 / run.minutes)
        if step % 100 == 0:
            print(f"step {step} loss {np.mean(losses):.4f} seconds {seconds:.0f}", flush=True)
            losses = []
        if step % 1000 == 0:
            save(trainer.model, run.out)
    save(trainer.model, run.out)
    facts = {"steps": step, "seconds": round(seconds), "device": trainer.device, "seed": run.seed}
    (run.out / "training.json").write_text(json.dumps(facts) + "\n")


def main() -> None:
    """Train, or measure a trained model and print its model card's table."""
    parser = argparse.ArgumentParser(prog="python -m training.mini_clip.train", description=__doc__)
    parser.add_argument("--out", type=Path, help="train into this directory")
    parser.add_argument("--steps", type=int, default=Training.steps)
    parser.add_argument("--minutes", type=float, default=Training.minutes)
    parser.add_argument("--evaluate", type=Path, metavar="DIR", help="measure the model of DIR")
    asked = parser.parse_args()
    if (asked.out is None) == (asked.evaluate is None):
        parser.error("give either --out DIR to train or --evaluate DIR to measure")
    if asked.evaluate is not None:
        print(report(asked.evaluate), end="")
    else:
        train(Training(out=asked.out, steps=asked.steps, minutes=asked.minutes))


if __name__ == "__main__":
    main()
