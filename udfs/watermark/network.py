"""The watermark detector: a small convolutional network over pixels, and its weights on disk."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from pairlake.udfs.watermark.weights import LONGEST, MOST_PIXELS, SHORTEST, WEIGHTS

# One cell of the network's map stands for so many pixels a side.
CELL = 16

Pixels = npt.NDArray[np.uint8]


class ConvBlock(nn.Module):
    """Convolution, batch norm while it trains, ReLU."""

    def __init__(self, before: int, after: int, *, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after, 3, stride, padding=dilation, dilation=dilation)
        self.norm: nn.Module = nn.BatchNorm2d(after)

    def forward(self, image_BCHW: Tensor) -> Tensor:
        return torch.relu_(self.norm(self.conv(image_BCHW)))

    def fuse(self) -> None:
        """Fold the batch norm into the convolution, for the weights that are shipped."""
        if isinstance(self.norm, nn.BatchNorm2d):
            self.conv = nn.utils.fuse_conv_bn_eval(self.conv.eval(), self.norm.eval())
            self.norm = nn.Identity()


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, width: int, *, dilation: int = 1) -> None:
        super().__init__()
        self.first = ConvBlock(width, width)
        self.second = ConvBlock(width, width, dilation=dilation)

    def forward(self, image_BCHW: Tensor) -> Tensor:
        added: Tensor = image_BCHW + self.second(self.first(image_BCHW))
        return added


class WatermarkNet(nn.Module):
    """RGB of 0 to 255 (B, 3, H, W) → logits of the pictures (B,) and of their cells (B, h, w).

    The cells say where a watermark lies; they are trained on the planted masks, which teaches
    more from each picture than its single label does.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            ConvBlock(3, 16, stride=2),
            ConvBlock(16, 24, stride=2),
            ConvBlock(24, 48, stride=2),
            ResidualBlock(48),
            ConvBlock(48, 80, stride=2),
        )
        self.place = nn.Conv2d(2, 80, 1)
        self.context = ConvBlock(80, 80)
        self.tail = ResidualBlock(80, dilation=2)
        self.cells = nn.Conv2d(80, 1, 1)
        self.judge = nn.Sequential(nn.Linear(162, 48), nn.ReLU(), nn.Linear(48, 1))

    def forward(self, image_BCHW: Tensor) -> tuple[Tensor, Tensor]:
        stem_BCHW = self.stem(image_BCHW / 127.5 - 1)
        stem_BCHW = stem_BCHW + self.place(_from_centre(stem_BCHW))
        feature_BCHW = self.tail(self.context(stem_BCHW))
        cell_BHW = self.cells(feature_BCHW)[:, 0]
        pooled_BC = torch.cat(
            [
                feature_BCHW.mean((2, 3)),
                feature_BCHW.amax((2, 3)),
                cell_BHW.amax((1, 2))[:, None],
                cell_BHW.sigmoid().mean((1, 2))[:, None] * 8,
            ],
            1,
        )
        return self.judge(pooled_BC)[:, 0], cell_BHW

    def fuse(self) -> WatermarkNet:
        """The same network without batch norms, ready to be used or saved."""
        self.eval()
        for module in list(self.modules()):
            if isinstance(module, ConvBlock):
                module.fuse()
        return self


def _from_centre(like_BCHW: Tensor) -> Tensor:
    """Two planes (1, 2, H, W): how far each cell is from the middle, 0 to 1, across and down."""
    height, width = like_BCHW.shape[2:]
    across = torch.linspace(-1, 1, width, device=like_BCHW.device).abs().expand(height, width)
    down = torch.linspace(-1, 1, height, device=like_BCHW.device).abs()[:, None]
    return torch.stack([across, down.expand(height, width)])[None]


def prepare(pixels_HWC: Pixels) -> Pixels:
    """The pixels (H, W, 3) that the network looks at: the picture's own unless it is large."""
    height, width = pixels_HWC.shape[:2]
    scale = min(1.0, math.sqrt(MOST_PIXELS / (width * height)))
    size = tuple(min(max(round(side * scale), SHORTEST), LONGEST) for side in (width, height))
    if size == (width, height):
        return np.array(pixels_HWC)
    return np.asarray(cv2.resize(pixels_HWC, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def as_tensor(pixels_BHWC: Pixels) -> Tensor:
    """Pixels as the network takes them: float32 (B, 3, H, W), channels last in memory."""
    return torch.from_numpy(pixels_BHWC).permute(0, 3, 1, 2).float()


def save(model: WatermarkNet, file: Path) -> None:
    """Write a fused network's weights in half precision."""
    save_file({n: v.detach().half().contiguous() for n, v in model.state_dict().items()}, file)


def load(file: Path) -> WatermarkNet:
    """The fused network with the weights of a file, in single precision."""
    model = WatermarkNet().fuse()
    model.load_state_dict({n: v.float() for n, v in load_file(file).items()})
    return model


class Detector:
    """The trained network, on the CPU."""

    def __init__(self, file: Path = WEIGHTS) -> None:
        self._model = load(file)
        self._model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def score(self, pictures: Sequence[Image.Image]) -> npt.NDArray[np.float32]:
        """The probability (B,) that each picture carries a visible watermark."""
        return self.score_pixels([np.asarray(picture.convert("RGB")) for picture in pictures])

    def score_pixels(self, pictures: Sequence[Pixels]) -> npt.NDArray[np.float32]:
        """The same for pictures as pixels (H, W, 3), RGB.

        They may have any sizes; each goes through the network alone, so that its score never
        depends on its neighbours. One thread for each picture, as many pictures at once as torch
        has threads: several threads for one small picture mostly wait for each other.
        """
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            with ThreadPoolExecutor(threads) as pool:
                logits = list(pool.map(self._logit, pictures))
        finally:
            torch.set_num_threads(threads)
        return torch.tensor(logits).sigmoid().numpy().astype(np.float32)

    def _logit(self, pixels_HWC: Pixels) -> float:
        with torch.inference_mode():
            return float(self._model(as_tensor(prepare(pixels_HWC)[None]))[0])
