"""Draws what is easily mistaken for a watermark: text, lines and panels of the picture itself."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from training.watermark.lettering import Letters, sentence, written

_Shade = tuple[int, int, int]


def _shade(rng: random.Random, low: int = 0, high: int = 255) -> _Shade:
    return rng.randint(low, high), rng.randint(low, high), rng.randint(low, high)


def _contrast(shade: _Shade, rng: random.Random) -> _Shade:
    """A shade that can be read on this one."""
    return _shade(rng, 190, 255) if sum(shade) < 380 else _shade(rng, 0, 70)


def _text(
    rng: random.Random, letters: Letters, height: float, words: int, width: float
) -> Image.Image:
    """One line as a mask, its letters about `height` pixels, cut off at `width`."""
    mask = written(sentence(rng, words), letters.font(rng, max(7.0, height)), rng)
    return mask.crop((0, 0, max(2, min(mask.width, int(width))), mask.height))


def _block(
    rng: random.Random, letters: Letters, size: tuple[int, int], height: float
) -> Image.Image:
    """Lines of one font that fill a mask of this size."""
    sheet, font, y = Image.new("L", size), letters.font(rng, max(7.0, height)), 0.0
    words, spacing = max(2, int(size[0] / max(7.0, height) / 2)), rng.uniform(1.2, 1.8)
    draw = ImageDraw.Draw(sheet)
    while y < size[1] - height:
        text = sentence(rng, rng.choice((words, words, max(1, words // 2))))
        draw.text((0, y), text, fill=255, font=font)
        y += max(7.0, height) * spacing * rng.choice((1, 1, 1, 1.7))
    return sheet


def _meme(picture: Image.Image, letters: Letters, rng: random.Random) -> None:
    """Large opaque words with a rim, above or below."""
    width, height = picture.size
    for y in rng.choice(((0.03,), (0.82,), (0.03, 0.82), (0.45,))):
        size = min(picture.size) * rng.uniform(0.08, 0.16)
        mask = _text(rng, letters, size, rng.randint(1, 5), width * 0.95)
        wide = Image.new("L", (mask.width + 8, mask.height + 8))
        wide.paste(mask, (4, 4))
        place = ((width - wide.width) // 2, int(height * y))
        dark = rng.random() < 0.8
        if rng.random() < 0.8:
            rim = wide.filter(ImageFilter.MaxFilter(5))
            picture.paste((0, 0, 0) if dark else (255, 255, 255), place, rim)
        picture.paste((255, 255, 255) if dark else _shade(rng, 0, 60), place, wide)


def _sign(picture: Image.Image, letters: Letters, rng: random.Random) -> None:
    """Boards, labels and stickers with words, turned and blurred as things in a scene are."""
    side = min(picture.size)
    for _ in range(rng.choice((1, 1, 2, 3, 5))):
        mask = _text(rng, letters, side * rng.uniform(0.04, 0.14), rng.randint(1, 3), side * 0.8)
        pad = max(3, mask.height // rng.choice((2, 3, 4)))
        size = (mask.width + 2 * pad, mask.height + 2 * pad)
        board = _shade(rng)
        ink = _contrast(board, rng)
        panel = Image.new("RGB", size, board)
        panel.paste(ink, (pad, pad), mask)
        if rng.random() < 0.4:
            ImageDraw.Draw(panel).rectangle((1, 1, size[0] - 2, size[1] - 2), outline=ink, width=2)
        alpha = Image.new("L", size, 255)
        if rng.random() < 0.25:
            # Painted on the wall: no board, opaque letters.
            alpha.paste(0, (0, 0, *size))
            alpha.paste(255, (pad, pad), mask)
        angle = rng.choice((0, 0, rng.uniform(-35, 35), 90))
        panel = panel.rotate(angle, Image.Resampling.BICUBIC, expand=True)
        alpha = alpha.rotate(angle, Image.Resampling.BICUBIC, expand=True)
        if rng.random() < 0.3:
            blur = ImageFilter.GaussianBlur(rng.uniform(0.4, 1.5))
            panel, alpha = panel.filter(blur), alpha.filter(blur)
        x = rng.randint(-size[0] // 4, max(1, picture.width - size[0] // 2))
        y = rng.randint(-size[1] // 4, max(1, picture.height - size[1]))
        picture.paste(panel, (x, y), alpha)


def _subtitle(picture: Image.Image, letters: Letters, rng: random.Random) -> None:
    """A caption in an opaque panel at an edge, as news and slides have it."""
    width, height = picture.size
    tall = int(height * rng.uniform(0.08, 0.2))
    y = rng.choice((0, height - tall, height - tall, int(height * 0.75)))
    shade = _shade(rng)
    picture.paste(shade, (rng.choice((0, width // 10)), y, width, y + tall))
    mask = _text(rng, letters, tall * rng.uniform(0.3, 0.6), rng.randint(2, 7), width * 0.9)
    x = rng.choice((width // 9, (width - mask.width) // 2))
    picture.paste(_contrast(shade, rng), (max(0, x), y + (tall - mask.height) // 2), mask)


def _date(picture: Image.Image, letters: Letters, rng: random.Random) -> None:
    """A camera's opaque date in a corner."""
    text = f"{rng.randint(1, 12):02}/{rng.randint(1, 28):02}/{rng.randint(1990, 2026)}"
    size = min(picture.size) * rng.uniform(0.035, 0.07)
    mask = written(text, letters.font(rng, size), rng)
    away = int(size * rng.uniform(0.5, 1.5))
    x = rng.choice((away, picture.width - mask.width - away))
    y = rng.choice((away, picture.height - mask.height - away))
    shade = rng.choice(((255, 150, 30), (255, 220, 60), (255, 255, 255), (230, 40, 30)))
    picture.paste(shade, (x, y), mask)


def _print(picture: Image.Image, letters: Letters, rng: random.Random) -> None:
    """A white or black border with a caption on it."""
    width, height = picture.size
    edge, foot = int(min(picture.size) * 0.06), int(height * rng.uniform(0.08, 0.2))
    paper = rng.choice(((255, 255, 255), (245, 240, 225), (10, 10, 10)))
    inner = picture.resize((width - 2 * edge, height - edge - foot), Image.Resampling.BOX)
    picture.paste(paper, (0, 0, width, height))
    picture.paste(inner, (edge, edge))
    mask = _text(rng, letters, foot * rng.uniform(0.25, 0.6), rng.randint(1, 5), width - 2 * edge)
    place = ((width - mask.width) // 2, height - foot + (foot - mask.height) // 2)
    picture.paste(_contrast(paper, rng), place, mask)


def _page(picture: Image.Image, letters: Letters, rng: random.Random) -> None:
    """A page of text, with the picture as its illustration or as all of its ground."""
    width, height = picture.size
    paper = rng.choice(
        ((255, 255, 255), (248, 245, 235), _shade(rng, 200, 255), _shade(rng, 0, 60))
    )
    kept = picture.resize((width * 2 // 5, height * 2 // 5), Image.Resampling.BOX)
    picture.paste(paper, (0, 0, width, height))
    margin, size = width // 16, min(picture.size) * rng.uniform(0.025, 0.06)
    box = (width - 2 * margin, height - 2 * margin)
    picture.paste(_contrast(paper, rng), (margin, margin), _block(rng, letters, box, size))
    if rng.random() < 0.6:
        picture.paste(kept, (rng.randint(0, width * 3 // 5), rng.randint(0, height * 3 // 5)))


def _chart(picture: Image.Image, letters: Letters, rng: random.Random) -> None:
    """Bars or curves with grid lines, labels and a title, over most of the picture or all of it."""
    width, height = picture.size
    paper = rng.choice(((255, 255, 255), (240, 240, 245), (25, 28, 40)))
    whole = rng.random() < 0.7
    box = (0, 0, width, height) if whole else (width // 8, height // 8, width - 9, height - 9)
    picture.paste(paper, box)
    draw, ink, grid = ImageDraw.Draw(picture), _contrast(paper, rng), _shade(rng, 120, 210)
    left, top, right, bottom = box[0] + 40, box[1] + 30, box[2] - 10, box[3] - 24
    font = letters.font(rng, max(8, min(picture.size) * 0.035))
    for number in range(1, rng.randint(4, 9)):
        y = bottom - (bottom - top) * number / 9
        draw.line((left, y, right, y), fill=grid, width=1)
        draw.text((box[0] + 4, y - 5), str(number * 10), fill=ink, font=font)
    count = rng.randint(3, 12)
    step = max(2.0, (right - left) / count)
    values = [rng.uniform(top, bottom) for _ in range(count)]
    if rng.random() < 0.5:
        for number, y in enumerate(values):
            x = left + number * step
            draw.rectangle((x + step * 0.2, y, x + step * 0.8, bottom), fill=_shade(rng))
    else:
        points = [(left + number * step, y) for number, y in enumerate(values)]
        draw.line(points, fill=_shade(rng), width=rng.choice((1, 2, 3)))
    draw.line(((left, top), (left, bottom), (right, bottom)), fill=ink, width=1)
    title = _text(rng, letters, 22, rng.randint(2, 5), width * 0.8)
    picture.paste(ink, (left, box[1] + 4), title)


def _screen(picture: Image.Image, letters: Letters, rng: random.Random) -> None:
    """A window: bars, buttons, lists, with the picture in its middle."""
    width, height = picture.size
    kept = picture.resize((width * 3 // 5, height * 3 // 5), Image.Resampling.BOX)
    ground = rng.choice((_shade(rng, 215, 245), _shade(rng, 25, 60)))
    picture.paste(ground, (0, 0, width, height))
    draw, ink, size = ImageDraw.Draw(picture), _contrast(ground, rng), min(width, height) * 0.035
    picture.paste(_shade(rng), (0, 0, width, int(size * 2)))
    for row in range(int(height / (size * 3))):
        y = int(size * 3 * row + size * 2.6)
        mask = _text(rng, letters, size, rng.randint(1, 3), width * 0.22)
        picture.paste(ink, (8, y), mask)
        if rng.random() < 0.5:
            draw.rectangle((4, y - 3, width // 4, y + mask.height + 3), outline=ink)
    picture.paste(kept, (width * 3 // 10, int(size * 4)))
    for number in range(3):
        x = width * (3 + 2 * number) // 10
        draw.rounded_rectangle((x, height - 24, x + width // 7, height - 6), 4, fill=_shade(rng))


def _lines(picture: Image.Image, letters: Letters, rng: random.Random) -> None:
    """Wires, fences and rain: opaque thin lines without lettering."""
    draw, (width, height) = ImageDraw.Draw(picture), picture.size
    shade = _shade(rng, *rng.choice(((0, 60), (60, 180), (150, 255))))
    kind, thick = rng.choice(("wires", "fence", "bars")), rng.choice((1, 1, 2, 3))
    if kind == "wires":
        for _ in range(rng.randint(2, 9)):
            ends = (0, rng.randint(0, height), width, rng.randint(0, height))
            draw.line(ends, fill=shade, width=thick)
        return
    step = min(picture.size) * rng.uniform(0.05, 0.3)
    lean = height if kind == "fence" else 0
    for number in range(int((width + 2 * lean) / step) + 1):
        x = number * step - lean
        draw.line((x, 0, x + lean, height), fill=shade, width=thick)
        if kind == "fence":
            draw.line((x + lean, 0, x, height), fill=shade, width=thick)


def _light(picture: Image.Image, letters: Letters, rng: random.Random) -> None:
    """Flares, haze and shadows: translucent, but no lettering and no logo."""
    width, height = picture.size
    mask = Image.new("L", (32, 32))
    draw = ImageDraw.Draw(mask)
    for _ in range(rng.randint(1, 4)):
        x, y, r = rng.randint(0, 32), rng.randint(0, 32), rng.randint(3, 20)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=rng.randint(60, 200))
    soft = mask.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 4))).resize((width, height))
    picture.paste(rng.choice(((255, 255, 255), (0, 0, 0), _shade(rng))), (0, 0), soft)


def _map(picture: Image.Image, letters: Letters, rng: random.Random) -> None:
    """Coloured lands, roads and many small names."""
    width, height = picture.size
    picture.paste(_shade(rng, 190, 240), (0, 0, width, height))
    draw = ImageDraw.Draw(picture)
    for _ in range(9):
        points = [(rng.randint(0, width), rng.randint(0, height)) for _ in range(6)]
        draw.polygon(points, fill=_shade(rng, 170, 250), outline=_shade(rng, 90, 160))
    for _ in range(12):
        points = [(rng.randint(0, width), rng.randint(0, height)) for _ in range(4)]
        draw.line(points, fill=_shade(rng, 100, 255), width=rng.choice((1, 2, 4)))
    for _ in range(rng.randint(6, 20)):
        mask = _text(rng, letters, min(width, height) * 0.04, 1, width)
        picture.paste(_shade(rng, 0, 90), (rng.randint(0, width), rng.randint(0, height)), mask)


def _bubble(picture: Image.Image, letters: Letters, rng: random.Random) -> None:
    """Speech bubbles, as comics have them."""
    draw, (width, height) = ImageDraw.Draw(picture), picture.size
    for _ in range(rng.randint(1, 3)):
        wide, tall = int(width * rng.uniform(0.25, 0.5)), int(height * rng.uniform(0.12, 0.3))
        x, y = rng.randint(0, width - wide), rng.randint(0, height - tall)
        tip = (x + wide // 2 + rng.randint(-40, 40), y + tall + 20)
        draw.polygon(((x + wide // 2 - 8, y + tall - 4), (x + wide // 2 + 8, y + tall - 4), tip),
                     fill="white")  # fmt: skip
        draw.ellipse((x, y, x + wide, y + tall), fill="white", outline="black", width=2)
        size = (wide * 7 // 10, tall * 6 // 10)
        block = _block(rng, letters, size, max(8, tall / 6))
        picture.paste((0, 0, 0), (x + wide * 3 // 20, y + tall // 5), block)


def _poster(picture: Image.Image, letters: Letters, rng: random.Random) -> None:
    """Large opaque lines of a title with its subtitle set into the picture, in one colour."""
    width, height = picture.size
    y, shade = height * rng.uniform(0.05, 0.5), _shade(rng)
    for scale, words in ((0.16, 2), (0.1, 3), (0.05, 6))[: rng.randint(1, 3)]:
        mask = _text(rng, letters, min(width, height) * scale, words, width * 0.95)
        place = (rng.choice((width // 20, (width - mask.width) // 2)), int(y))
        shadow = ImageChops.offset(mask, 2, 2)
        picture.paste(_contrast(shade, rng), place, shadow)
        picture.paste(shade, place, mask)
        y += mask.height * 1.3


Draw = Callable[[Image.Image, Letters, random.Random], None]
SEEN_KINDS: Mapping[str, Draw] = {
    "meme": _meme,
    "sign": _sign,
    "subtitle": _subtitle,
    "date": _date,
    "print": _print,
    "page": _page,
    "chart": _chart,
    "screen": _screen,
    "lines": _lines,
    "light": _light,
}
UNSEEN_KINDS: Mapping[str, Draw] = {"map": _map, "bubble": _bubble, "poster": _poster}
_KINDS = {**SEEN_KINDS, **UNSEEN_KINDS}


def draw_ordinary(
    picture: Image.Image, kind: str, letters: Letters, rng: random.Random
) -> Image.Image:
    """A copy of the picture (RGB) with something of this kind on it that is no watermark."""
    copy = picture.copy()
    _KINDS[kind](copy, letters, rng)
    return copy
