"""Draws pictures of the sizes that the web has: photographs as JPEG, drawings as PNG."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

COUNT = 1_000
# The longer side in pixels: most pictures of the web are small, some are not.
_SIDES = (240, 320, 480, 640, 800, 1_024, 1_600)
_SHARES = (0.1, 0.16, 0.24, 0.2, 0.16, 0.1, 0.04)
_END = b"\0\0\0\0IEND\xaeB`\x82"


def photos(folder: Path) -> list[Path]:
    """The files, 17 of 20 of them JPEG; drawn once, by a seed."""
    done = folder / "done"
    if not done.exists():
        folder.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(4)
        for number in range(COUNT):
            _draw(folder, number, rng)
        done.touch()
    return sorted(path for path in folder.iterdir() if path != done)


def of_its_own(body: bytes, number: int) -> bytes:
    """The same picture with the number in a comment, so that no two URLs have the same bytes."""
    text = b"%010d" % number
    if body.startswith(b"\xff\xd8"):
        return body[:2] + b"\xff\xfe\x00\x0c" + text + body[2:]
    chunk = b"tEXtComment\0" + text
    packed = (len(chunk) - 4).to_bytes(4) + chunk + zlib.crc32(chunk).to_bytes(4)
    return body.removesuffix(_END) + packed + _END


def _draw(folder: Path, number: int, rng: np.random.Generator) -> None:
    width = int(rng.choice(_SIDES, p=_SHARES))
    size = (width, int(width * rng.choice((0.5625, 0.667, 0.75, 1.0))))
    if number % 20 < 17:
        quality = int(rng.integers(70, 92))
        _photograph(size, rng).save(folder / f"{number:04}.jpg", quality=quality)
    else:
        _drawing(size, rng).save(folder / f"{number:04}.png")


def _photograph(size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    """Noise of several scales, which compresses as photographs do."""
    total = np.zeros((size[1], size[0], 3), np.float32)
    for cells, weight in ((3, 90), (12, 45), (48, 22), (160, 8)):
        field = rng.random((cells, cells, 3), np.float32)
        layer = Image.fromarray((field * 255).astype(np.uint8))
        total += weight / 255 * np.asarray(layer.resize(size, Image.Resampling.BICUBIC), np.float32)
    total += rng.normal(0, 4.0, total.shape).astype(np.float32)
    return Image.fromarray(np.clip(total + 40, 0, 255).astype(np.uint8))


def _drawing(size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    for _ in range(12):
        x, y = sorted(rng.integers(0, size[0], 2)), sorted(rng.integers(0, size[1], 2))
        colour = tuple(int(value) for value in rng.integers(0, 255, 3))
        draw.ellipse((int(x[0]), int(y[0]), int(x[1]) + 1, int(y[1]) + 1), fill=colour)
    return image


def broken(body: bytes) -> bytes:
    """A JPEG of which the second half is zeros, its end marker left."""
    half = len(body) // 2
    return body[:half] + bytes(len(body) - half - 2) + b"\xff\xd9"


def page() -> bytes:
    """What many servers send in place of an image that is gone."""
    line = b"<p>The picture that you look for is not here.</p>"
    return b"<!doctype html><title>Not here</title>" + 40 * line
