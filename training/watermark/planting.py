"""Plants a visible watermark on a picture: lettering, logos and lines in many layouts and inks."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageStat

from training.watermark.lettering import Letters, written
from training.watermark.logos import SEEN_LOGOS, UNSEEN_LOGOS, Logo, drawn

# A mark that changes its pixels by less, on average and out of 255, is not counted as visible;
# on a ground as restless as grass it takes more.
LEAST_CHANGE = 8.0
_RESTLESS = 0.5
_BICUBIC = Image.Resampling.BICUBIC


@dataclass(kw_only=True)
class Canvas:
    """Where a mark is laid out: masks of the ink and of a strip under it, 0 to 255."""

    ink: Image.Image
    strip: Image.Image
    letters: Letters
    logos: Sequence[Logo]
    rng: random.Random
    opacity: tuple[float, float] = field(default=(0.13, 0.6))

    @property
    def side(self) -> int:
        """The short side in pixels."""
        return min(self.ink.size)

    def text(self, height: float, *, width: float = math.inf) -> Image.Image:
        """A credit as a mask, its letters about `height` pixels, made smaller to fit `width`."""
        text = self.letters.credit(self.rng)
        mask = written(text, self.letters.font(self.rng, max(8.0, height)), self.rng)
        if mask.width > width:
            shrunk = (max(8, int(width)), max(4, int(mask.height * width / mask.width)))
            mask = mask.resize(shrunk, Image.Resampling.BOX)
        return mask

    def put(self, mask: Image.Image, x: float, y: float, angle: float = 0.0) -> None:
        """Lay a mask with its middle at (x, y), turned by `angle` degrees."""
        if angle:
            mask = mask.rotate(angle, _BICUBIC, expand=True)
        self.ink.paste(255, (round(x - mask.width / 2), round(y - mask.height / 2)), mask)


def _corner(canvas: Canvas) -> None:
    canvas.opacity = (0.3, 0.9)
    rng, (width, height) = canvas.rng, canvas.ink.size
    mask = canvas.text(canvas.side * rng.uniform(0.035, 0.085), width=width * 0.6)
    margin = canvas.side * rng.uniform(0.01, 0.06)
    left, right = margin + mask.width / 2, width - margin - mask.width / 2
    x = rng.choice((left, right, right, width / 2))
    top, bottom = margin + mask.height / 2, height - margin - mask.height / 2
    canvas.put(mask, x, rng.choice((top, bottom, bottom)))


def _edge(canvas: Canvas) -> None:
    canvas.opacity = (0.3, 0.85)
    rng, (width, height) = canvas.rng, canvas.ink.size
    mask = canvas.text(canvas.side * rng.uniform(0.03, 0.07), width=height * 0.8)
    away = mask.height / 2 + canvas.side * rng.uniform(0.01, 0.04)
    y = height * rng.uniform(0.42, 0.58)
    canvas.put(mask, rng.choice((away, width - away)), y, rng.choice((90, -90)))


def _centre(canvas: Canvas) -> None:
    rng, (width, height) = canvas.rng, canvas.ink.size
    mask = canvas.text(canvas.side * rng.uniform(0.08, 0.25), width=width * rng.uniform(0.4, 0.95))
    angle = rng.choice((0, 0, rng.uniform(-12, 12)))
    canvas.put(mask, width * rng.uniform(0.4, 0.6), height * rng.uniform(0.3, 0.7), angle)


def _diagonal(canvas: Canvas) -> None:
    rng, (width, height) = canvas.rng, canvas.ink.size
    angle = math.degrees(math.atan2(height, width)) * rng.choice((1, 1, -1)) + rng.uniform(-8, 8)
    long = math.hypot(width, height) * rng.uniform(0.6, 0.95)
    mask = canvas.text(canvas.side * rng.uniform(0.12, 0.3), width=long)
    canvas.put(mask, width / 2, height / 2, angle)


def _tile(canvas: Canvas, mask: Image.Image) -> None:
    """Repeat a mask over the whole picture, upright or turned."""
    rng, (width, height) = canvas.rng, canvas.ink.size
    reach = int(math.hypot(width, height)) + 2
    sheet = Image.new("L", (reach, reach))
    across = mask.width * rng.uniform(1.1, 2.0) + 8
    down = mask.height * rng.uniform(1.4, 4.0) + 8
    shift = rng.choice((0.0, 0.5))
    for row in range(int(reach / down) + 1):
        for column in range(-1, int(reach / across) + 1):
            place = (int((column + shift * (row % 2)) * across), int(row * down))
            sheet.paste(255, place, mask)
    turned = sheet.rotate(rng.choice((0, 30, -30, 45, rng.uniform(-50, 50))), _BICUBIC)
    left, top = (reach - width) // 2, (reach - height) // 2
    canvas.ink.paste(255, (0, 0), turned.crop((left, top, left + width, top + height)))


def _tiled(canvas: Canvas) -> None:
    height = canvas.side * canvas.rng.uniform(0.035, 0.1)
    _tile(canvas, canvas.text(height, width=canvas.side * 0.7))


def _banner(canvas: Canvas) -> None:
    canvas.opacity = (0.3, 0.7)
    rng, (width, height) = canvas.rng, canvas.ink.size
    tall = canvas.side * rng.uniform(0.08, 0.18)
    y = rng.choice((tall / 2, height / 2, height - tall / 2, height * rng.uniform(0.2, 0.8)))
    box = (0, round(y - tall / 2), width, round(y + tall / 2))
    ImageDraw.Draw(canvas.strip).rectangle(box, fill=rng.randint(110, 220))
    mask = canvas.text(tall * rng.uniform(0.4, 0.7), width=width * 0.9)
    x = rng.choice((width / 2, mask.width / 2 + 6, width - mask.width / 2 - 6))
    canvas.put(mask, x, y)


def _logo(canvas: Canvas) -> None:
    rng, (width, height) = canvas.rng, canvas.ink.size
    side = canvas.side * rng.uniform(0.12, 0.5)
    mask = drawn(rng.choice(canvas.logos), max(14, round(side)), rng)
    if side < canvas.side * 0.22:
        canvas.opacity = (0.3, 0.85)
        x, y = rng.choice((side, width - side)), rng.choice((side, height - side))
    else:
        x, y = width * rng.uniform(0.35, 0.65), height * rng.uniform(0.35, 0.65)
    canvas.put(mask, x, y)
    if rng.random() < 0.5:
        text = canvas.text(side * 0.25, width=width * 0.8)
        canvas.put(text, x, y + side / 2 + text.height)


def _hatch(canvas: Canvas) -> None:
    rng, (width, height) = canvas.rng, canvas.ink.size
    draw, thick = ImageDraw.Draw(canvas.ink), rng.choice((1, 1, 2, 3))
    reach = width + height
    step = rng.choice((reach, canvas.side * rng.uniform(0.2, 0.6)))
    start = -reach if step < reach else 0
    places = [start + step * n for n in range(int(2 * reach / step) + 1)] if start else [0.0]
    slope = rng.choice((1.0, height / width, 0.6))
    for x in places:
        draw.line((x, 0, x + height / slope, height), fill=255, width=thick)
        draw.line((x + height / slope, 0, x, height), fill=255, width=thick)
    mask = canvas.text(canvas.side * rng.uniform(0.07, 0.16), width=width * 0.7)
    x, y = width / 2, height / 2
    gap = (x - mask.width / 2 - 6, y - mask.height, x + mask.width / 2 + 6, y + mask.height)
    draw.rectangle(gap, fill=0)
    canvas.put(mask, x, y)


def _arc(canvas: Canvas) -> None:
    rng, (width, height) = canvas.rng, canvas.ink.size
    radius = canvas.side * rng.uniform(0.22, 0.4)
    font = canvas.letters.font(rng, max(9, radius * rng.uniform(0.2, 0.35)))
    text = " · ".join(canvas.letters.credit(rng) for _ in range(3))
    angle = rng.uniform(0, 360)
    for letter in text:
        if angle > 1080:
            break
        turn = math.radians(angle)
        x = width / 2 + radius * math.sin(turn)
        y = height / 2 - radius * math.cos(turn)
        if letter != " ":
            canvas.put(written(letter, font, rng), x, y, -angle)
        angle += math.degrees((font.getlength(letter) + 2) / radius)


def _logo_grid(canvas: Canvas) -> None:
    side = max(12, round(canvas.side * canvas.rng.uniform(0.08, 0.2)))
    _tile(canvas, drawn(canvas.rng.choice(canvas.logos), side, canvas.rng))


def _frame(canvas: Canvas) -> None:
    canvas.opacity = (0.25, 0.7)
    rng, (width, height) = canvas.rng, canvas.ink.size
    mask = canvas.text(canvas.side * rng.uniform(0.04, 0.07), width=canvas.side * 0.5)
    away, step = mask.height, mask.width * 1.25
    for number in range(int(width / step) + 1):
        canvas.put(mask, step * (number + 0.5), away)
        canvas.put(mask, step * (number + 0.5), height - away)
    for number in range(int(height / step) + 1):
        canvas.put(mask, away, step * (number + 0.5), 90)
        canvas.put(mask, width - away, step * (number + 0.5), -90)


Layout = Callable[[Canvas], None]
SEEN_LAYOUTS: Mapping[str, Layout] = {
    "corner": _corner,
    "edge": _edge,
    "centre": _centre,
    "diagonal": _diagonal,
    "tiled": _tiled,
    "banner": _banner,
    "logo": _logo,
    "hatch": _hatch,
}
UNSEEN_LAYOUTS: Mapping[str, Layout] = {"arc": _arc, "logo_grid": _logo_grid, "frame": _frame}
_LAYOUTS = {**SEEN_LAYOUTS, **UNSEEN_LAYOUTS}
_SEEN_EFFECTS = ("plain", "plain", "plain", "shadow", "outlined", "hollow")
_UNSEEN_EFFECTS = ("plain", "shadow", "emboss")


def plant(
    picture: Image.Image, layout: str, letters: Letters, rng: random.Random, *, unseen: bool
) -> tuple[Image.Image, Image.Image]:
    """The picture (RGB) with a watermark, and the mask of its ink, 0 to 255.

    `unseen` takes the logos and effects that training never draws. Inks too faint to see on this
    picture are drawn anew; the last try is black or white, whichever shows.
    """
    blank = Image.new("L", picture.size)
    logos = UNSEEN_LOGOS if unseen else SEEN_LOGOS
    canvas = Canvas(ink=blank, strip=blank.copy(), letters=letters, logos=logos, rng=rng)
    _LAYOUTS[layout](canvas)
    effect = rng.choice(_UNSEEN_EFFECTS if unseen else _SEEN_EFFECTS)
    marked, least = picture, LEAST_CHANGE + _RESTLESS * _texture(picture, canvas.ink)
    for attempt in range(6):
        shade = (
            _shade(rng) if attempt < 5 else (0 if _mean(picture, canvas.ink) > 127 else 255,) * 3
        )
        opacity = rng.uniform(*canvas.opacity) if attempt < 3 else canvas.opacity[1]
        marked = _inked(picture, canvas, effect, shade, opacity)
        if _change(picture, marked, canvas.ink) >= least:
            break
    return marked, canvas.ink


def _shade(rng: random.Random) -> tuple[int, ...]:
    drawn = rng.random()
    if drawn < 0.5:
        return (rng.randint(225, 255),) * 3
    if drawn < 0.7:
        return (rng.randint(0, 40),) * 3
    if drawn < 0.8:
        return (rng.randint(60, 200),) * 3
    return tuple(rng.randint(0, 255) for _ in range(3))


def _inked(
    picture: Image.Image, canvas: Canvas, effect: str, shade: tuple[int, ...], opacity: float
) -> Image.Image:
    """Lay the canvas over the picture in one shade, with what the effect adds in the opposite."""
    opposite = (0, 0, 0) if np.mean(shade) > 110 else (255, 255, 255)
    ink = canvas.ink
    if canvas.strip.getbbox():
        picture = _laid(picture, opposite, canvas.strip, opacity)
    if effect == "shadow":
        picture = _laid(picture, opposite, ImageChops.offset(ink, 1, 1), opacity * 0.7)
    if effect == "emboss":
        picture = _laid(picture, opposite, ImageChops.offset(ink, 1, 1), opacity)
        return _laid(picture, shade, ImageChops.offset(ink, -1, -1), opacity)
    if effect in ("outlined", "hollow"):
        rim = ImageChops.subtract(ink.filter(ImageFilter.MaxFilter(3)), ink)
        if effect == "hollow":
            return _laid(picture, shade, rim, min(0.95, opacity * 1.5))
        picture = _laid(picture, opposite, rim, opacity)
    return _laid(picture, shade, ink, opacity)


def _laid(
    picture: Image.Image, shade: tuple[int, ...], mask: Image.Image, opacity: float
) -> Image.Image:
    ink = Image.new("RGB", picture.size, (shade[0], shade[1], shade[2]))
    return Image.composite(ink, picture, mask.point([round(v * opacity) for v in range(256)]))


def _mean(picture: Image.Image, mask: Image.Image) -> float:
    return float(ImageStat.Stat(picture.convert("L"), mask).mean[0]) if mask.getbbox() else 0.0


def _texture(picture: Image.Image, ink: Image.Image) -> float:
    """How much the picture itself changes from pixel to pixel under the ink, of 255."""
    grey = picture.convert("L")
    return _mean(ImageChops.difference(grey, grey.filter(ImageFilter.BoxBlur(2))), ink)


def _change(picture: Image.Image, marked: Image.Image, ink: Image.Image) -> float:
    """All that changed, in levels of 255, for each pixel of ink."""
    changed = ImageStat.Stat(ImageChops.difference(picture, marked).convert("L")).sum[0]
    return float(changed / max(1.0, ImageStat.Stat(ink).sum[0] / 255))
