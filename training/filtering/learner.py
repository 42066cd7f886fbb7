"""One small CLIP that learns from pairs, again and again from the start: only the pairs change."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

import pairlake.udfs.torchvision_shim  # noqa: F401  # must come before open_clip
from training.mini_clip.augment import Augmenter
from training.mini_clip.train import MODEL_CONFIG, encode_captions

import open_clip  # isort: skip

MEAN = STD = 0.5
# So many batches are augmented at once on a GPU, where a batch alone is mostly waiting.
_BATCHES_AT_ONCE = 16
_WARMUP_SHARE = 0.1
_TRIALS = 3
_HEAD_WIDTH = 64
_DRAWING = threading.Lock()

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Course:
    """What every training has in common: the model's size, and `batch` pairs in each step."""

    steps: int
    batch: int
    image_size: int
    vision_width: int
    text_width: int
    text_layers: int
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.05

    def rate(self, step: int) -> float:
        """The learning rate of a step, from 0: up in a straight line, down along a cosine."""
        warm = min(1.0, (step + 1) / max(1.0, _WARMUP_SHARE * self.steps))
        return self.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * step / self.steps))

    def order(self, pair_P: Ints, seed: int) -> Ints:
        """Which pair comes when, (steps, batch): all of `pair_P` once in each epoch."""
        random = np.random.default_rng(seed)
        wanted = self.steps * self.batch
        epochs = -(-wanted // len(pair_P))
        drawn = np.concatenate([random.permutation(pair_P) for _ in range(epochs)])
        return drawn[:wanted].reshape(self.steps, self.batch)


class Learner:
    """A model and its optimizer; `learn` starts anew each time.

    `picture_NHWC` are pictures from 0 to 255 and `token_PC` captions; `image_P` is the picture of
    each pair. On a GPU a whole step is one recorded graph, or launching its kernels takes longer
    than they do, and it has a stream of its own, so that several learn at once, each in a thread.
    """

    def __init__(
        self,
        course: Course,
        picture_NHWC: npt.NDArray[np.uint8],
        image_P: Ints,
        token_PC: npt.NDArray[np.int16],
        device: str,
    ) -> None:
        self.course, self.device = course, device
        opaque_NHW1 = np.full((*picture_NHWC.shape[:3], 1), 255, np.uint8)
        self._augment = Augmenter(
            np.concatenate([picture_NHWC, opaque_NHW1], axis=3),
            course.image_size,
            0,
            device,
            recompressed=0.0,
        )
        self._image_P = torch.from_numpy(image_P).to(device)
        self._token_PC = torch.from_numpy(token_PC).to(device)
        self.model = _model(course, 0).to(device)
        self.model.visual.to(memory_format=torch.channels_last)
        self._loss = open_clip.ClipLoss()
        self._optimizer = self._fresh_optimizer()
        self._rate = self._optimizer.param_groups[0]["lr"]
        batch, side = course.batch, course.image_size
        self._image_BCHW = torch.zeros(batch, 3, side, side, device=device)
        self._token_BC = torch.zeros(batch, token_PC.shape[1], dtype=torch.long, device=device)
        self._loss_ = torch.zeros((), device=device)
        self._graph: torch.cuda.CUDAGraph | None = None
        if device == "cuda":
            self.stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            self._graph = self._recorded()

    def learn(self, pair_P: Ints, seed: int) -> float:
        """Train a new model on the pairs of these numbers; the mean loss of the last tenth.

        Call it, and what reads the model afterwards, in `apart`.
        """
        self._start_anew(seed)
        self._augment.random.manual_seed(seed)
        order = torch.from_numpy(self.course.order(pair_P, seed)).to(self.device)
        at_once = _BATCHES_AT_ONCE if self._graph else 1
        tail, lasts = max(1, self.course.steps // 10), []
        for start in range(0, self.course.steps, at_once):
            pair_SB = order[start : start + at_once]
            augmented = self._augment(self._image_P[pair_SB].flatten())
            image_SBCHW = augmented.reshape(*pair_SB.shape, *augmented.shape[1:])
            for step, pair_B in enumerate(pair_SB, start):
                self._image_BCHW.copy_(image_SBCHW[step - start])
                self._token_BC.copy_(self._token_PC[pair_B])
                self._set_rate(self.course.rate(step))
                self._step()
                if step >= self.course.steps - tail:
                    lasts.append(self._loss_.clone())
        return float(torch.stack(lasts).mean())

    @contextmanager
    def apart(self) -> Iterator[None]:
        """What a thread does in it waits for no other learner."""
        if self._graph is None:
            yield
            return
        with torch.cuda.stream(self.stream):
            yield
            self.stream.synchronize()

    def _step(self) -> None:
        if self._graph:
            self._graph.replay()
        else:
            self._forward_and_back()

    def _forward_and_back(self) -> None:
        self._optimizer.zero_grad(set_to_none=True)
        # What a recorded step casts must be cast again in each replay.
        with torch.autocast(
            self.device, torch.bfloat16, enabled=self.device == "cuda", cache_enabled=False
        ):
            image_BD = self.model.encode_image(
                ((self._image_BCHW - MEAN) / STD).contiguous(memory_format=torch.channels_last),
                normalize=True,
            )
            caption_BD = self._captions()
        loss = self._loss(image_BD.float(), caption_BD.float(), self.model.logit_scale.exp())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0, foreach=True)
        self._optimizer.step()
        with torch.no_grad():
            self.model.logit_scale.clamp_(0, math.log(100))
            self._loss_.copy_(loss)

    def _captions(self) -> Tensor:
        if self.device == "cuda":
            caption_BD: Tensor = self.model.encode_text(self._token_BC, normalize=True)
            return caption_BD
        # What is recorded has one shape; else shorter captions take less.
        return encode_captions(self.model, self._token_BC)

    def _recorded(self) -> torch.cuda.CUDAGraph:
        self.model.train()
        self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream):
            for _ in range(_TRIALS):
                self._forward_and_back()
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=self.stream):
            self._forward_and_back()
        torch.cuda.synchronize()
        return graph

    def _start_anew(self, seed: int) -> None:
        self.model.load_state_dict(_model(self.course, seed).state_dict())
        self.model.train()
        for state in self._optimizer.state.values():
            for value in state.values():
                value.zero_()

    def _set_rate(self, rate: float) -> None:
        if isinstance(self._rate, Tensor):
            self._rate.fill_(rate)
        else:
            for group in self._optimizer.param_groups:
                group["lr"] = rate

    def _fresh_optimizer(self) -> torch.optim.AdamW:
        rate: Any = self.course.learning_rate
        if self.device == "cuda":
            # What a recorded step reads must lie where the step reads it.
            rate = torch.tensor(rate, device=self.device)
        decayed = [one for one in self.model.parameters() if one.ndim >= 2]
        others = [one for one in self.model.parameters() if one.ndim < 2]
        groups: list[dict[str, Any]] = [
            {"params": decayed, "weight_decay": self.course.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(
            groups, lr=rate, betas=(0.9, 0.98), fused=True, capturable=self.device == "cuda"
        )


def _model(course: Course, seed: int) -> open_clip.CustomTextCLIP:
    config = MODEL_CONFIG["model_cfg"]
    heads = course.text_width // _HEAD_WIDTH
    vision = {"image_size": course.image_size, "width": course.vision_width}
    text = {"width": course.text_width, "heads": heads, "layers": course.text_layers}
    # The numbers that a model starts from are drawn from the one source of the whole process.
    with _DRAWING:
        torch.manual_seed(seed)
        return open_clip.CustomTextCLIP(
            embed_dim=config["embed_dim"],
            vision_cfg={**config["vision_cfg"], **vision},
            text_cfg={**config["text_cfg"], **text},
        )
