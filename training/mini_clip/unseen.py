"""Varies the catalogue's drawings in ways that mini CLIP never trained on, to measure it."""

from __future__ import annotations

import io
import random

from PIL import Image, ImageDraw, ImageEnhance

from pairlake.demo.pictures import Picture, render

_Colour = tuple[int, int, int]


def unseen_render(picture: Picture, rng: random.Random) -> Image.Image:
    """One RGB image of 80 to 320 pixels: patterned ground, own watermark, WebP or JPEG.

    The trainer knows none of these grounds, texts and file kinds, renders at another size, and
    varies in batches of tensors; here Pillow does all of it.
    """
    size = rng.randint(80, 320)
    inner = round(size * rng.uniform(0.7, 1.0))
    drawing = render(picture, inner).rotate(rng.uniform(-10, 10), Image.Resampling.BICUBIC)
    image = _ground(size, rng)
    image.paste(drawing, (rng.randint(0, size - inner), rng.randint(0, size - inner)), drawing)
    if rng.random() < 0.2:
        image = _watermarked(image, rng)
    image = ImageEnhance.Contrast(image).enhance(rng.uniform(0.85, 1.15))
    image = ImageEnhance.Color(image).enhance(rng.uniform(0.8, 1.2))
    return _recompressed(image, rng)


def _colour(rng: random.Random, least: int) -> _Colour:
    return rng.randint(least, 255), rng.randint(least, 255), rng.randint(least, 255)


def _ground(size: int, rng: random.Random) -> Image.Image:
    kind = rng.choice(("white", "plain", "stripes", "checks", "dots"))
    if kind == "white":
        return Image.new("RGB", (size, size), "white")
    image = Image.new("RGB", (size, size), _colour(rng, 150))
    if kind == "plain":
        return image
    draw, ink, step = ImageDraw.Draw(image), _colour(rng, 150), max(8, size // rng.randint(6, 12))
    for x in range(0, size, step):
        if kind == "stripes":
            draw.line((x, 0, x + size // 3, size), fill=ink, width=step // 3)
            continue
        for y in range(0, size, step):
            box = (x, y, x + step // 2, y + step // 2)
            if kind == "dots":
                draw.ellipse(box, fill=ink)
            elif (x + y) // step % 2:
                draw.rectangle((x, y, x + step - 1, y + step - 1), fill=ink)
    return image


def _watermarked(image: Image.Image, rng: random.Random) -> Image.Image:
    layer = Image.new("RGBA", image.size)
    size = image.width
    ink = (*rng.choice(((255, 255, 255), (0, 0, 0))), rng.randint(50, 120))
    place = (rng.randint(0, size // 4), rng.randint(0, size * 3 // 4))
    ImageDraw.Draw(layer).text(place, "Photo Archive", fill=ink, font_size=size // 7)
    return Image.alpha_composite(image.convert("RGBA"), layer).convert("RGB")


def _recompressed(image: Image.Image, rng: random.Random) -> Image.Image:
    file = io.BytesIO()
    image.save(file, rng.choice(("JPEG", "WEBP")), quality=rng.randint(30, 90))
    return Image.open(file).convert("RGB")
