"""Images as the web has them: drawings on grounds with grain, their copies, and broken files."""

from __future__ import annotations

import io
import random
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from pairlake.demo.pictures import Picture, render

# LAION refused images under 5,000 bytes; what is meant to pass must not come near it.
SMALLEST_PASSING_BYTES = 5_000
# PIL's limit for decompression bombs, which LAION used too, is 89,478,485 pixels: this is above.
BOMB_SIDE = 9_500

_FRAMES = ((320, 320), (360, 320), (320, 360), (400, 320))
_GRAIN_SIDE = 640
_GRAIN_STRENGTH = 8.0


def scene(picture: Picture, rng: random.Random) -> Image.Image:
    """The drawing on a soft two-coloured ground, 320 to 400 pixels a side, RGB.

    Fine grain keeps the file as large as a photograph's; at the size of a model's input it is gone.
    """
    width, height = rng.choice(_FRAMES)
    image = Image.fromarray(_ground(width, height, rng))
    side = rng.randint(250, 310)
    drawing = render(picture, side)
    image.paste(drawing, ((width - side) // 2, (height - side) // 2), drawing)
    x, y = rng.randrange(_GRAIN_SIDE - width), rng.randrange(_GRAIN_SIDE - height)
    grainy = np.asarray(image) + _grain()[y : y + height, x : x + width]
    return Image.fromarray(np.clip(grainy, 0, 255).astype(np.uint8))


def encoded(image: Image.Image, format: str, quality: int = 85) -> bytes:
    """The bytes of an image as JPEG, PNG, WEBP, GIF or TIFF; `quality` is for JPEG and WEBP."""
    buffer = io.BytesIO()
    if format == "PNG":
        image.save(buffer, "PNG", compress_level=3)
    elif format == "WEBP":
        image.save(buffer, "WEBP", quality=quality, method=0)
    else:
        image.save(buffer, format, quality=quality)
    return buffer.getvalue()


def resized(image: Image.Image, rng: random.Random) -> Image.Image:
    """A copy at 70 to 90 per cent of the size."""
    scale = rng.uniform(0.7, 0.9)
    return image.resize(
        (round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS
    )


def watermarked(image: Image.Image, rng: random.Random) -> Image.Image:
    """A copy with a translucent agency mark written over it three times."""
    layer = Image.new("RGBA", image.size, (0, 0, 0, 0))
    draw = ImageDraw.Draw(layer)
    shade = rng.choice((30, 225))
    for row in range(3):
        place = (rng.randint(0, image.width // 4), image.height * (2 * row + 1) // 7)
        draw.text(place, "© picture agency", (shade, shade, shade, 110), _font())
    marked = image.convert("RGBA")
    marked.alpha_composite(layer)
    return marked.convert("RGB")


def truncated(image: Image.Image, rng: random.Random) -> bytes:
    """A JPEG that ends in the middle, as an interrupted upload leaves it."""
    whole = encoded(image, "JPEG")
    return whole[: len(whole) // 2]


def half_zeroed(image: Image.Image, rng: random.Random) -> bytes:
    """A PNG whose second half is zeros, as a failing disk leaves it."""
    whole = encoded(image, "PNG")
    kept = len(whole) // 2
    return whole[:kept] + bytes(len(whole) - kept)


def icon(image: Image.Image, rng: random.Random) -> bytes:
    """A picture of 32 pixels a side, far below 5,000 bytes."""
    return encoded(image.resize((32, 32), Image.Resampling.LANCZOS), "PNG")


def spacer(image: Image.Image, rng: random.Random) -> bytes:
    """The single pixel that holds a table of an old page open."""
    return encoded(Image.new("RGB", (1, 1), "white"), "PNG")


def bomb(image: Image.Image, rng: random.Random) -> bytes:
    """A PNG of some 50 kB that decodes to 90,250,000 pixels."""
    return _bomb()


def gif(image: Image.Image, rng: random.Random) -> bytes:
    """A good image in a format that LAION did not take."""
    return encoded(image, "GIF")


def tiff(image: Image.Image, rng: random.Random) -> bytes:
    """A good image in a format that no browser shows."""
    return encoded(image, "TIFF")


@cache
def _bomb() -> bytes:
    return encoded(Image.new("1", (BOMB_SIDE, BOMB_SIDE)), "PNG")


@cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=28)


@cache
def _grain() -> NDArray[np.int16]:
    numbers = np.random.default_rng(20261122)
    grain = numbers.normal(0, _GRAIN_STRENGTH, (_GRAIN_SIDE, _GRAIN_SIDE, 3))
    return grain.astype(np.int16)


def _ground(width: int, height: int, rng: random.Random) -> NDArray[np.uint8]:
    top = np.array([rng.randint(150, 250) for _ in range(3)], dtype=np.float32)
    bottom = np.array([rng.randint(150, 250) for _ in range(3)], dtype=np.float32)
    slope = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    column = top + (bottom - top) * slope
    return np.broadcast_to(column, (height, width, 3)).astype(np.uint8)
