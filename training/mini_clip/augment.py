"""Varies the catalogue's drawings in batches, as the web varies pictures, to train mini CLIP."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812
from PIL import Image, ImageDraw
from torch import Tensor

from pairlake.demo.pictures import Picture, render

_BASE_SIZE = 96
_WATERMARKS = ("© sample", "PREVIEW", "stock", "example.org", "DEMO")


class Augmenter:
    """Draws batches of augmented pictures: place, ground, colour, watermark, recompression.

    Nothing is mirrored: arrows, flags and letters would change their meaning. `drawings_NHWC` have
    red, green, blue and alpha from 0 to 255. The CPU recompresses that share of them.
    """

    def __init__(
        self,
        drawings_NHWC: npt.NDArray[np.uint8],
        size: int,
        seed: int,
        device: str,
        *,
        recompressed: float = 0.25,
    ) -> None:
        self.size = size
        self.device = device
        self.recompressed = recompressed
        self.random = torch.Generator(device).manual_seed(seed)
        drawings_NCHW = torch.from_numpy(drawings_NHWC).permute(0, 3, 1, 2)
        self.drawings_NCHW = drawings_NCHW.contiguous().to(device)
        self.watermarks_N1HW = _watermarks(size).to(device)

    def __call__(self, picture_B: Tensor) -> Tensor:
        """Pictures by their place in the catalogue, as images of 3 channels from 0 to 1."""
        rgba_BCHW = self.drawings_NCHW[picture_B.to(self.device)].float() / 255
        alpha_B1HW = rgba_BCHW[:, 3:]
        # Premultiplied, so that a transparent pixel's colour does not bleed into the edges.
        placed_BCHW = self._place(torch.cat([rgba_BCHW[:, :3] * alpha_B1HW, alpha_B1HW], 1))
        image_BCHW = placed_BCHW[:, :3] + (1 - placed_BCHW[:, 3:]) * self._grounds(len(picture_B))
        image_BCHW = self._watermark(self._recolour(image_BCHW))
        return self._recompress(self._shrink(image_BCHW).clamp(0, 1))

    def _uniform(self, low: float, high: float, *shape: int) -> Tensor:
        drawn = torch.rand(*shape, generator=self.random, device=self.device)
        return low + (high - low) * drawn

    def _chosen(self, share: float, count: int) -> Tensor:
        return self._uniform(0, 1, count) < share

    def _place(self, image_BCHW: Tensor) -> Tensor:
        count = len(image_BCHW)
        angle = self._uniform(-1, 1, count).pow(3) * math.radians(22)
        zoom = self._uniform(0.8, 1.5, count)
        stretch = self._uniform(0.88, 1.13, count).sqrt()
        shift = self._uniform(-1, 1, count, 2) * (0.15 * zoom)[:, None]
        theta = torch.zeros(count, 2, 3, device=self.device)
        theta[:, 0, 0] = angle.cos() * zoom * stretch
        theta[:, 0, 1] = -angle.sin() * zoom
        theta[:, 1, 0] = angle.sin() * zoom
        theta[:, 1, 1] = angle.cos() * zoom / stretch
        theta[:, :, 2] = shift
        grid = F.affine_grid(theta, [count, 4, self.size, self.size], align_corners=False)
        return F.grid_sample(image_BCHW, grid, align_corners=False)

    def _grounds(self, count: int) -> Tensor:
        one_B3 = torch.where(
            self._chosen(0.6, count)[:, None],
            1 - self._uniform(0, 0.25, count, 3) * self._chosen(0.7, count)[:, None],
            self._uniform(0, 1, count, 3),
        )
        other_B3 = self._uniform(0, 1, count, 3)
        axis = torch.linspace(0, 1, self.size, device=self.device)
        turn_B11 = self._uniform(0, 1, count, 1, 1)
        slope_BHW = turn_B11 * axis[None, :, None] + (1 - turn_B11) * axis[None, None, :]
        coarse = self._uniform(0, 1, count, 1, 5, 5)
        clouds_BHW = F.interpolate(coarse, (self.size, self.size), mode="bilinear")[:, 0]
        mix_BHW = torch.where(self._chosen(0.5, count)[:, None, None], slope_BHW, clouds_BHW)
        strength_B = self._chosen(0.4, count) * self._uniform(0.1, 0.9, count)
        mix_B1HW = (mix_BHW * strength_B[:, None, None])[:, None]
        return one_B3[:, :, None, None] * (1 - mix_B1HW) + other_B3[:, :, None, None] * mix_B1HW

    def _recolour(self, image_BCHW: Tensor) -> Tensor:
        count = len(image_BCHW)
        grey_B1HW = image_BCHW.mean(1, keepdim=True)
        saturation = self._uniform(0.75, 1.2, count, 1, 1, 1)
        contrast = self._uniform(0.8, 1.15, count, 1, 1, 1)
        tint = self._uniform(-0.05, 0.05, count, 3, 1, 1) + self._uniform(
            -0.08, 0.08, count, 1, 1, 1
        )
        return ((grey_B1HW.lerp(image_BCHW, saturation) - 0.5) * contrast + 0.5 + tint).clamp(0, 1)

    def _watermark(self, image_BCHW: Tensor) -> Tensor:
        count = len(image_BCHW)
        drawn = torch.randint(
            len(self.watermarks_N1HW), (count,), generator=self.random, device=self.device
        )
        opacity_B = self._chosen(0.2, count) * self._uniform(0.15, 0.5, count)
        mask_B1HW = self.watermarks_N1HW[drawn] * opacity_B[:, None, None, None]
        ink_B111 = self._chosen(0.6, count).float()[:, None, None, None]
        return image_BCHW.lerp(ink_B111.expand_as(image_BCHW), mask_B1HW.expand_as(image_BCHW))

    def _shrink(self, image_BCHW: Tensor) -> Tensor:
        chosen = self._chosen(0.3, len(image_BCHW))
        size = int(self._uniform(self.size * 0.4, self.size * 0.9, 1).item())
        small = F.interpolate(image_BCHW[chosen], (size, size), mode="bilinear", antialias=True)
        image_BCHW[chosen] = F.interpolate(small, (self.size, self.size), mode="bicubic")
        return image_BCHW

    def _recompress(self, image_BCHW: Tensor) -> Tensor:
        if not self.recompressed:
            return image_BCHW
        chosen = self._chosen(self.recompressed, len(image_BCHW)).nonzero()[:, 0]
        pixels = (image_BCHW[chosen] * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
        qualities = self._uniform(20, 90, len(chosen)).int().tolist()
        again = [_jpeg(one, quality) for one, quality in zip(pixels, qualities, strict=True)]
        if again:
            stacked = torch.from_numpy(np.stack(again)).permute(0, 3, 1, 2)
            image_BCHW[chosen] = stacked.to(self.device).float() / 255
        return image_BCHW


def rendered(pictures: Sequence[Picture]) -> npt.NDArray[np.uint8]:
    """The drawings as the augmenter takes them, (N, H, W, 4)."""
    return np.stack([np.asarray(render(picture, _BASE_SIZE)) for picture in pictures])


def _jpeg(pixels_HWC: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(pixels_HWC).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file).convert("RGB"))


def _watermarks(size: int) -> Tensor:
    """Masks from 0 to 1: each text as one slanted line, as a corner mark and as rows of lines."""
    masks = []
    for text in _WATERMARKS:
        for rows, slant in (([0.42], 25), ([0.82], 0), ([0.1, 0.35, 0.6, 0.85], 15)):
            canvas = Image.new("L", (2 * size, 2 * size))
            draw = ImageDraw.Draw(canvas)
            for row in rows:
                draw.text((size * 0.3, 2 * size * row), text, fill=255, font_size=size // 3)
            mask = canvas.rotate(slant).resize((size, size), Image.Resampling.BILINEAR)
            masks.append(np.asarray(mask, dtype=np.float32) / 255)
    return torch.from_numpy(np.stack(masks))[:, None]
