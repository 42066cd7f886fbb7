"""Plants what is to be told apart: copies of a picture as the web makes them, and look-alikes."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from pairlake.demo import scenes
from pairlake.demo.pictures import pictures, pixel_groups, render

# The side at which pictures are compared to find out which other one looks most alike.
_GLANCE = 24


@dataclass(frozen=True, kw_only=True)
class Planted:
    """The file of an original, those of its copies, and those of pictures that only look alike."""

    original: bytes
    copies: Mapping[str, bytes]
    look_alikes: Mapping[str, bytes]


def _jpeg(image: Image.Image, quality: int = 85) -> bytes:
    return scenes.encoded(image, "JPEG", quality)


def _scaled(image: Image.Image, scale: float) -> Image.Image:
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS)


def _cropped(image: Image.Image, share: float, rng: random.Random) -> Image.Image:
    """A part with `share` of each side, from anywhere within the picture."""
    width, height = round(image.width * share), round(image.height * share)
    x, y = rng.randint(0, image.width - width), rng.randint(0, image.height - height)
    return image.crop((x, y, x + width, y + height))


def _lit(image: Image.Image, factor: float) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(factor)


COPIES: Mapping[str, Callable[[Image.Image, random.Random], bytes]] = {
    "resized to 70 %": lambda image, rng: _jpeg(_scaled(image, 0.7)),
    "resized to 35 %": lambda image, rng: _jpeg(_scaled(image, 0.35)),
    "recompressed, JPEG 60": lambda image, rng: _jpeg(image, 60),
    "recompressed, JPEG 20": lambda image, rng: _jpeg(image, 20),
    "recompressed, WebP 60": lambda image, rng: scenes.encoded(image, "WEBP", 60),
    "cropped to 90 %": lambda image, rng: _jpeg(_cropped(image, 0.9, rng)),
    "cropped to 80 %": lambda image, rng: _jpeg(_cropped(image, 0.8, rng)),
    "watermarked": lambda image, rng: _jpeg(scenes.watermarked(image, rng)),
    "a quarter brighter": lambda image, rng: _jpeg(_lit(image, 1.25)),
    "a quarter darker": lambda image, rng: _jpeg(_lit(image, 0.75)),
}


def drawings(count: int, seed: int) -> Iterator[Planted]:
    """`count` of the demo's drawings, on grounds as its web has them."""
    known, groups = pictures(), pixel_groups()
    glances = np.stack([_glance(_on_white(render(one, 96))) for one in known])
    numbers = np.array([groups[one.hexcode] for one in known])
    rng = random.Random(seed)
    for place in rng.sample(range(len(known)), min(count, len(known))):
        ground = rng.random()
        twin = known[_nearest(place, glances, numbers)]
        image = scenes.scene(known[place], random.Random(ground))
        yield Planted(
            original=_jpeg(image),
            copies={kind: copy(image, rng) for kind, copy in COPIES.items()},
            look_alikes={
                "the drawing most alike, same ground": _jpeg(
                    scenes.scene(twin, random.Random(ground))
                ),
                "the drawing most alike, its own ground": _jpeg(scenes.scene(twin, rng)),
                "another drawing, same ground": _jpeg(
                    scenes.scene(rng.choice(known), random.Random(ground))
                ),
                "the same drawing, its own ground": _jpeg(scenes.scene(known[place], rng)),
            },
        )


def folder(path: Path, count: int, seed: int) -> Iterator[Planted]:
    """`count` of the pictures under a folder; those with equal pixels count as one."""
    files = sorted(
        file for file in path.rglob("*") if file.suffix.lower() in (".png", ".jpg", ".jpeg")
    )
    distinct: dict[bytes, Image.Image] = {}
    for file in files:
        with Image.open(file) as opened:
            image = _on_white(opened.convert("RGBA"))
        distinct.setdefault(image.tobytes(), image)
    images = list(distinct.values())
    glances = np.stack([_glance(image) for image in images])
    numbers = np.arange(len(images))
    rng = random.Random(seed)
    for place in rng.sample(range(len(images)), min(count, len(images))):
        image, twin = images[place], images[_nearest(place, glances, numbers)]
        yield Planted(
            original=_jpeg(image),
            copies={kind: copy(image, rng) for kind, copy in COPIES.items()},
            look_alikes={"the picture most alike": _jpeg(twin)},
        )


def _on_white(image: Image.Image) -> Image.Image:
    ground = Image.new("RGBA", image.size, "white")
    ground.alpha_composite(image)
    return ground.convert("RGB")


def _glance(image: Image.Image) -> NDArray[np.float32]:
    small = image.resize((_GLANCE, _GLANCE), Image.Resampling.BOX)
    return np.asarray(small, np.float32).ravel()


def _nearest(place: int, glances: NDArray[np.float32], numbers: NDArray[np.int64]) -> int:
    """The picture that at a glance is most like that one, and is another."""
    away = np.square(glances - glances[place]).sum(axis=1)
    away[numbers == numbers[place]] = np.inf
    return int(np.argmin(away))


def files_of(planted: Sequence[Planted]) -> Iterator[bytes]:
    """The files of all, in their order: original, copies, look-alikes."""
    for one in planted:
        yield from (one.original, *one.copies.values(), *one.look_alikes.values())
