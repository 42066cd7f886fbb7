"""Whole pictures are kept small and plain; broken, foreign and huge ones are named."""

from __future__ import annotations

import base64
import io
import random
import struct
import zlib

import numpy as np
import pytest
import simplejpeg
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pairlake.ingest.images.formats import picture_format
from pairlake.ingest.images.pixels import MAX_FRAMES, MAX_KEPT_SIDE, Picture, Unusable, prepare
from tests.ingest.drawn import JPEG, encoded, noise

PNG = encoded(noise(96, 64), "PNG")
WEBP = encoded(noise(96, 64), "WEBP")
GIF = encoded(noise(96, 64), "GIF")
BMP = encoded(noise(96, 64), "BMP")
AVIF = encoded(noise(96, 64), "AVIF", quality=90)


def kept(body: bytes, side: int = 384) -> tuple[Picture, Image.Image]:
    picture = prepare(body, side)
    assert isinstance(picture, Picture), picture
    image = Image.open(io.BytesIO(picture.pixels))
    assert (image.format, image.mode) == ("JPEG", "RGB")
    assert image.size == (picture.kept_width, picture.kept_height)
    return picture, image


def pixel(image: Image.Image, place: tuple[int, int]) -> tuple[int, ...]:
    value = image.getpixel(place)
    assert isinstance(value, tuple)
    return value


def outcome(body: bytes, side: int = 384) -> str:
    result = prepare(body, side)
    return result.outcome if isinstance(result, Unusable) else "ok"


@pytest.mark.parametrize(
    ("body", "format"),
    [
        (JPEG, "jpeg"),
        (PNG, "png"),
        (WEBP, "webp"),
        (GIF, "gif"),
        (BMP, "bmp"),
        (AVIF, "avif"),
    ],
)
def test_small_pictures_keep_their_size_and_their_look(body: bytes, format: str) -> None:
    picture, image = kept(body)
    assert (picture.format, picture.width, picture.height) == (format, 96, 64)
    assert picture.frames == 1
    assert image.size == (96, 64)
    original = Image.open(io.BytesIO(body)).convert("RGB").tobytes()
    difference = sum(abs(a - b) for a, b in zip(image.tobytes(), original, strict=True))
    # The few colours of a GIF, side by side for those between, are hard on a JPEG.
    assert difference / len(original) < (4 if format == "gif" else 2)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1000, 500), (200, 100)),
        ((500, 1000), (100, 200)),
        ((100, 300), (100, 300)),
        ((99, 300), (99, 300)),
        ((101, 1), (101, 1)),
        ((10_000, 90), (MAX_KEPT_SIDE, 37)),
    ],
)
def test_the_short_side_is_bounded_and_so_is_the_long_one(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    picture, _ = kept(encoded(noise(*size), "JPEG"), side=100)
    assert (picture.width, picture.height) == size
    assert (picture.kept_width, picture.kept_height) == expected


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_stand_upright(orientation: int, format: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    # Red in the corner that the camera saw first.
    image = Image.new("RGB", (64, 32), "blue")
    image.paste("red", (0, 0, 32, 16))
    picture, shown = kept(encoded(image, format, exif=exif))
    assert (picture.width, picture.height) == ((64, 32) if orientation < 5 else (32, 64))
    assert shown.size == (picture.width, picture.height)
    corners = {
        1: (0, 0),
        2: (1, 0),
        3: (1, 1),
        4: (0, 1),
        5: (0, 0),
        6: (1, 0),
        7: (1, 1),
        8: (0, 1),
    }
    across, down = corners[orientation]
    red, _, blue = pixel(shown, (4 + across * (shown.width - 9), 4 + down * (shown.height - 9)))
    assert red > 200 > 50 > blue
    assert not shown.getexif()


def test_broken_exif_says_nothing() -> None:
    body = encoded(noise(64, 32), "JPEG", exif=b"Exif\0\0MM\0\x2a\xff\xff\xff\xff broken")
    assert kept(body)[0].width == 64


@pytest.mark.parametrize("format", ["PNG", "WEBP", "GIF"])
def test_transparent_parts_stand_on_white(format: str) -> None:
    image = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    image.paste((0, 0, 255, 255), (0, 0, 32, 64))
    _, shown = kept(encoded(image, format, **({"lossless": True} if format == "WEBP" else {})))
    assert min(pixel(shown, (56, 32))) > 245
    assert pixel(shown, (8, 32))[2] > 245


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "I;16"])
def test_pngs_of_every_mode_become_rgb(mode: str) -> None:
    image = (
        Image.new("I;16", (40, 40), 128 * 256)
        if mode == "I;16"
        else noise(40, 40, mode="L").convert(mode)
    )
    _, shown = kept(encoded(image, "PNG"))
    if mode == "I;16":
        assert 120 < pixel(shown, (20, 20))[0] < 136


def test_a_palette_with_a_transparent_colour_stands_on_white() -> None:
    image = Image.new("P", (64, 64), 0)
    image.putpalette([0, 0, 0, 255, 0, 0])
    _, shown = kept(encoded(image, "PNG", transparency=0))
    assert min(pixel(shown, (32, 32))) > 245


def test_cmyk_jpegs_become_rgb() -> None:
    _, shown = kept(encoded(Image.new("CMYK", (64, 64), (0, 255, 255, 0)), "JPEG"))
    assert pixel(shown, (32, 32))[0] > 200


RED_INKS = np.full((64, 64, 4), (0, 255, 255, 0), np.uint8)


def without_adobe(body: bytes) -> bytes:
    """The JPEG without the segment that says that Adobe's rules apply."""
    start = body.index(b"\xff\xee")
    return body[:start] + body[start + 2 + int.from_bytes(body[start + 2 : start + 4]) :]


@pytest.mark.parametrize(
    "body",
    [
        # With subsampling, simplejpeg encodes YCCK, and inverts nothing by itself.
        simplejpeg.encode_jpeg(255 - RED_INKS, 95, "CMYK", "420"),
        encoded(Image.fromarray(RED_INKS, "CMYK"), "JPEG"),
        # Browsers ask for no marker.
        without_adobe(encoded(Image.fromarray(RED_INKS, "CMYK"), "JPEG")),
    ],
    ids=["YCCK", "Adobe", "no Adobe"],
)
def test_inks_are_stored_inverted(body: bytes) -> None:
    _, shown = kept(body)
    red, green, blue = pixel(shown, (32, 32))
    assert red > 200 > 50 > max(green, blue)


def test_grey_jpegs_become_rgb() -> None:
    _, shown = kept(encoded(Image.new("L", (64, 64), 90), "JPEG"))
    assert all(85 < value < 95 for value in pixel(shown, (32, 32)))


# Red, 16 x 8, its colours stored at an eighth of the size: cjpeg -quality 90 -sample 4x2 -optimize.
UNUSUAL = base64.b85decode(
    b"|JeWF01!$>Nk#wx0RR9200961|JwjV00RO70|EjA0|NsD0|NvF2n7WM1O*BQ2L=cX3JeSj3JVJj4iXRz"
    b"4iOFu3lJ6%5fc;@6%`B*7Z?^47!ni}6#v@*LjeN>1O)^I2?YfS6b%av6ciK`6ciK`6ciK`6ciK`6ciK`"
    b"6ciK`6ciK`6ciK`6ciK`6ciK`6ciK`6ciK`6cqo!01*fP2mlZR0YU%*5di}c0sq7R6#xMN0000000000"
    b"0000000008|HJ?k5CH%H0000000000000000095Q02KiN0RR910000000000000073ID_Z6cGUc00000"
    b"000000000000030+5ij#0RRFK0}%i}0G$8;1}dBX*#"
)


@pytest.mark.parametrize("width", [400, 500, 700, 1000, 1500, 3000])
def test_a_picture_is_shrunk_as_well_as_lanczos_does(width: int) -> None:
    coarse = np.random.default_rng(width).integers(0, 255, (60, 80, 3), np.uint8)
    drawn = Image.fromarray(coarse).resize((width, width * 3 // 4), Image.Resampling.BICUBIC)
    body = encoded(drawn, "JPEG", quality=95)
    _, shown = kept(body)
    whole = Image.open(io.BytesIO(body)).convert("RGB")
    best = whole.resize(shown.size, Image.Resampling.LANCZOS)
    error = np.asarray(shown, np.float64) - np.asarray(best)
    # Squares of five pixels in strong colours are the worst there is; photographs are 40 dB apart.
    assert 10 * np.log10(255**2 / (error**2).mean()) > 31


def test_colours_stored_at_unusual_fractions_are_not_decoded() -> None:
    # Pillow would, without a word of damage in it.
    found = prepare(UNUSUAL, 384)
    assert isinstance(found, Unusable)
    assert found.outcome == "unsupported_format"


def test_a_picture_of_endless_scans_is_not_decoded() -> None:
    progressive = encoded(noise(64, 64), "JPEG", progressive=True)
    scan = progressive.rindex(b"\xff\xda")
    found = prepare(progressive[:-2] + 200 * progressive[scan:-2] + b"\xff\xd9", 384)
    assert isinstance(found, Unusable)
    assert "scans" in found.error


def animation(format: str, frames: int = 3) -> bytes:
    colours = ["red" if n == 0 else f"hsl({n % 360}, 90%, 20%)" for n in range(frames)]
    images = [Image.new("RGB", (32, 32), colour) for colour in colours]
    lossless = {"lossless": True} if format == "WEBP" else {}
    return encoded(images[0], format, save_all=True, append_images=images[1:], **lossless)


@pytest.mark.parametrize("format", ["WEBP", "PNG", "GIF"])
def test_an_animation_is_its_first_frame(format: str) -> None:
    picture, shown = kept(animation(format))
    assert picture.frames == 3
    assert pixel(shown, (16, 16))[0] > 200


def test_previews_in_a_photograph_are_no_frames() -> None:
    body = encoded(noise(64, 48), "MPO", save_all=True, append_images=[noise(32, 24)])
    picture, _ = kept(body)
    assert (picture.format, picture.frames) == ("jpeg", 1)


def many_frames(frames: int) -> bytes:
    """A GIF of one whole frame and then so many of a single pixel."""
    single = encoded(Image.new("P", (4, 4)), "GIF")
    pixel = b"," + bytes(4) + b"\1\0\1\0\0" + b"\2\2\x44\1\0"
    return single[:-1] + pixel * (frames - 1) + b";"


def test_frames_are_counted_up_to_a_limit() -> None:
    assert kept(many_frames(MAX_FRAMES))[0].frames == MAX_FRAMES
    assert outcome(many_frames(MAX_FRAMES + 1)) == "too_many_frames"
    # The walk ends there: what follows is not looked at.
    assert outcome(many_frames(MAX_FRAMES + 1)[:-1]) == "too_many_frames"


@pytest.mark.parametrize(
    ("frames", "expected"), [(MAX_FRAMES + 1, "too_many_frames"), (2**31, "ok"), (0, "ok")]
)
def test_a_png_that_says_it_has_too_many_frames_is_refused(frames: int, expected: str) -> None:
    body = animation("PNG")
    start = body.index(b"acTL")
    data = struct.pack(">II", frames, 0)
    checksum = struct.pack(">I", zlib.crc32(b"acTL" + data))
    assert outcome(body[: start + 4] + data + checksum + body[start + 16 :]) == expected


@pytest.mark.parametrize(
    ("body", "format"),
    [
        (encoded(noise(32, 32), "TIFF"), "tiff"),
        (encoded(noise(32, 32), "ICO"), "ico"),
        (b"\0\0\2\0" + encoded(noise(32, 32), "ICO")[4:], "ico"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1heic", "heic"),
        (encoded(noise(32, 32), "JPEG2000"), "jp2"),
        (b'<?xml version="1.0"?>\n<!-- drawn --><svg xmlns="http://www.w3.org/2000/svg"/>', "svg"),
        (b"<svg viewBox='0 0 1 1'></svg>", "svg"),
        (b"\n<!-- Generator: a program -->\n<svg width='1'/>", "svg"),
        (b"<!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' 'svg11.dtd'><svg width='1'/>", "svg"),
        (b"<?xml?><!DOCTYPE svg [" + b"<!ENTITY a 'b'>" * 99 + b"]><svg width='1'/>", "svg"),
    ],
)
def test_other_image_formats_are_unsupported_and_named(body: bytes, format: str) -> None:
    assert prepare(body, 384) == Unusable(outcome="unsupported_format", error=format)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0" * 500,
        b"<html><svg></svg></html>",
        b"<!-- served in 3 ms --><html><body><svg></svg>",
        b"<!DOCTYPE html><body><svg></svg>",
        b"<?xml version='1.0'?>\n<!doctype HTML PUBLIC ''><body><svg></svg>",
        b"BMW is a car, not a bitmap",
        b"GIF of a cat",
        b"%PDF-1.7",
        b"\0\0\2\0\0\0\0\0\0\0\0\0\x20\0\x20\0\x18\0",
    ],
)
def test_what_is_no_image_is_said_to_be_none(body: bytes) -> None:
    assert picture_format(body) is None
    assert outcome(body) == "not_an_image"


@pytest.mark.parametrize("body", [JPEG, PNG, WEBP, GIF, BMP, AVIF])
def test_a_truncated_picture_is_corrupt(body: bytes) -> None:
    for share in (0.3, 0.6, 0.9):
        assert outcome(body[: int(len(body) * share)]) == "corrupt_image"


def photograph(seed: int, **options: object) -> bytes:
    """A JPEG with something in every block, as photographs have and drawings do not."""
    rough = np.random.default_rng(seed).normal(0, 25, (300, 400, 3))
    pixels = np.clip(np.asarray(noise(400, 300, seed)) + rough, 0, 255).astype(np.uint8)
    return encoded(Image.fromarray(pixels), "JPEG", **options)


def damaged(whole: bytes, damage: str, seed: int) -> bytes:
    size, half = len(whole), len(whole) // 2
    middle = {
        "zeros": bytes(4096),
        "zeros in the midst": bytes(200),
        "random bytes": random.Random(seed).randbytes(1024),
    }
    match damage:
        case "half of zeros":
            return whole[:half] + bytes(size - half)
        case "half of zeros, then its end":
            return whole[:half] + bytes(size - half - 2) + whole[-2:]
        case "cut off":
            return whole[:half]
        case "cut off, then its end":
            return whole[:half] + whole[-2:]
        case _:
            return whole[:half] + middle[damage] + whole[half + len(middle[damage]) :]


OF_JPEGS = [
    "half of zeros",
    "half of zeros, then its end",
    "cut off",
    "cut off, then its end",
    "zeros",
    "random bytes",
]


@pytest.mark.parametrize("damage", OF_JPEGS)
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("side", [384, 30])
def test_a_damaged_jpeg_is_corrupt(damage: str, progressive: bool, side: int) -> None:
    for seed in range(4):
        for options in ({"quality": 85}, {"quality": 95, "subsampling": 0, "optimize": True}):
            whole = photograph(seed, progressive=progressive, **options)
            assert outcome(whole, side) == "ok"
            assert outcome(damaged(whole, damage, seed), side) == "corrupt_image"


@pytest.mark.parametrize("restart_marker_rows", [0, 1])
def test_even_few_zeros_in_a_photograph_are_corrupt(restart_marker_rows: int) -> None:
    for seed in range(10):
        whole = photograph(seed, quality=95, restart_marker_rows=restart_marker_rows)
        assert outcome(damaged(whole, "zeros in the midst", seed)) == "corrupt_image"


def dots() -> Image.Image:
    """A pattern that is the same in every block, at once even and full of detail."""
    pixels = np.full((160, 240, 3), 200, np.uint8)
    pixels[::8, ::8] = 20
    return Image.fromarray(pixels)


@pytest.mark.parametrize("optimize", [False, True])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("quality", [5, 75, 90, 100])
def test_zeros_belong_to_even_pictures(optimize: bool, progressive: bool, quality: int) -> None:
    ramp = np.tile(np.arange(255, 0, -1, np.uint8), (200, 1))
    drawing = Image.new("RGB", (600, 400), "white")
    drawing.paste("navy", (250, 150, 300, 200))
    for image in (Image.new("RGB", (600, 400)), drawing, Image.fromarray(ramp), dots()):
        body = encoded(image, "JPEG", optimize=optimize, progressive=progressive, quality=quality)
        assert outcome(body) == "ok"


def test_zeros_beside_the_pixels_are_none_of_them() -> None:
    whole = photograph(0)
    comment = b"\xff\xfe\x01\x02" + bytes(256)
    assert outcome(whole[:2] + comment + whole[2:] + bytes(500)) == "ok"


def test_a_thumbnail_within_does_not_end_a_jpeg() -> None:
    exif = Image.Exif()
    exif[0x010E] = "x" + JPEG.decode("latin-1")
    whole = encoded(noise(200, 150), "JPEG", exif=exif)
    assert outcome(whole) == "ok"
    assert outcome(whole[:-20]) == "corrupt_image"


def test_a_damaged_checksum_of_a_png_is_corrupt() -> None:
    position = PNG.index(b"IDAT") - 4
    (length,) = struct.unpack(">I", PNG[position : position + 4])
    end = position + 8 + length
    assert outcome(PNG[:end] + bytes(4) + PNG[end + 4 :]) == "corrupt_image"


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes that says it has that many pixels."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    rows = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((9_458, 9_461), "too_many_pixels"),
        ((50_000, 50_000), "too_many_pixels"),
        ((9_458, 9_460), "corrupt_image"),
    ],
)
def test_pixels_are_counted_before_they_are_decoded(size: tuple[int, int], expected: str) -> None:
    assert outcome(bomb(*size)) == expected


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([JPEG, PNG, WEBP, GIF, BMP, AVIF]), st.data())
def test_damage_never_gets_out(body: bytes, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(body) - 1))
    damage = data.draw(st.binary(min_size=1, max_size=40))
    assert isinstance(
        prepare(body[:position] + damage + body[position + len(damage) :], 32), Picture | Unusable
    )
