"""Simple drawn logos as masks, the kind that agencies lay over their pictures."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

from PIL import Image, ImageChops, ImageDraw

_Draw = ImageDraw.ImageDraw
_SIDE = 256


def _turn(count: int, radius: float, start: float = 0.0) -> list[tuple[float, float]]:
    """`count` points on a circle about the middle."""
    angles = [start + 2 * math.pi * number / count for number in range(count)]
    return [(128 + radius * math.sin(a), 128 - radius * math.cos(a)) for a in angles]


def _camera(draw: _Draw) -> None:
    draw.rounded_rectangle((16, 72, 240, 216), 24, fill=255)
    draw.polygon(((84, 76), (100, 44), (156, 44), (172, 76)), fill=255)
    draw.ellipse((78, 94, 178, 194), fill=0)
    draw.ellipse((98, 114, 158, 174), fill=255)


def _ring(draw: _Draw) -> None:
    draw.ellipse((12, 12, 244, 244), outline=255, width=22)
    draw.ellipse((96, 96, 160, 160), fill=255)


def _shield(draw: _Draw) -> None:
    draw.polygon(((32, 24), (224, 24), (224, 140), (128, 240), (32, 140)), fill=255)
    draw.polygon(((62, 52), (194, 52), (194, 128), (128, 198), (62, 128)), fill=0)
    draw.line(((82, 120), (118, 154), (178, 78)), fill=255, width=20)


def _leaf(draw: _Draw) -> None:
    draw.chord((20, -60, 300, 220), 60, 200, fill=255)
    draw.line(((40, 230), (190, 70)), fill=0, width=10)


def _diamonds(draw: _Draw) -> None:
    for radius, shade in ((124, 255), (96, 0), (64, 255)):
        draw.polygon(_turn(4, radius), fill=shade)


def _eye(draw: _Draw) -> None:
    draw.chord((4, 40, 252, 288), 207, 333, fill=255)
    draw.chord((4, -32, 252, 216), 27, 153, fill=255)
    draw.ellipse((88, 88, 168, 168), fill=0)
    draw.ellipse((106, 106, 150, 150), fill=255)


def _bars(draw: _Draw) -> None:
    for number, height in enumerate((90, 170, 240, 130)):
        draw.rectangle((20 + 58 * number, 248 - height, 58 + 58 * number, 248), fill=255)


def _aperture(draw: _Draw) -> None:
    draw.ellipse((8, 8, 248, 248), fill=255)
    outer, inner = _turn(6, 128), _turn(6, 52, 0.9)
    for one, other in zip(outer, inner, strict=True):
        draw.line((one, other), fill=0, width=9)
    draw.polygon(inner, fill=0)


def _hexagon(draw: _Draw) -> None:
    points = _turn(6, 120)
    draw.polygon(points, outline=255, width=14)
    for point in points[::2]:
        draw.line(((128, 128), point), fill=255, width=14)


def _burst(draw: _Draw) -> None:
    rays = zip(_turn(12, 124), _turn(12, 62, math.pi / 12), strict=True)
    draw.polygon([point for pair in rays for point in pair], fill=255)
    draw.ellipse((94, 94, 162, 162), fill=0)


def _mountain(draw: _Draw) -> None:
    draw.rectangle((10, 30, 246, 226), outline=255, width=14)
    draw.polygon(((26, 212), (98, 96), (140, 160), (172, 120), (230, 212)), fill=255)
    draw.ellipse((170, 52, 210, 92), fill=255)


def _pin(draw: _Draw) -> None:
    draw.ellipse((48, 10, 208, 170), fill=255)
    draw.polygon(((58, 124), (198, 124), (128, 250)), fill=255)
    draw.ellipse((96, 58, 160, 122), fill=0)


Logo = Callable[[_Draw], None]
SEEN_LOGOS: Sequence[Logo] = (_camera, _ring, _shield, _leaf, _diamonds, _eye, _bars, _aperture)
UNSEEN_LOGOS: Sequence[Logo] = (_hexagon, _burst, _mountain, _pin)


def drawn(logo: Logo, side: int, rng: random.Random) -> Image.Image:
    """The logo as a mask of `side` pixels from 0 to 255, filled or in outline."""
    mask = Image.new("L", (_SIDE, _SIDE))
    logo(ImageDraw.Draw(mask))
    if rng.random() < 0.3:
        smaller = mask.resize((_SIDE - 20, _SIDE - 20))
        inside = Image.new("L", mask.size)
        inside.paste(smaller, (10, 10))
        mask = ImageChops.subtract(mask, inside)
    return mask.resize((side, side), Image.Resampling.BOX, reducing_gap=1.0)
