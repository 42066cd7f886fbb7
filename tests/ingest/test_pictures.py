"""Whole pictures are kept small and plain; broken, foreign and huge ones are named."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ingest.pictures import MAX_KEPT_SIDE, Picture, Unusable, picture_format, prepare
from tests.ingest.drawn import JPEG, encoded, noise

PNG = encoded(noise(96, 64), "PNG")
WEBP = encoded(noise(96, 64), "WEBP")


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


@pytest.mark.parametrize(("body", "format"), [(JPEG, "jpeg"), (PNG, "png"), (WEBP, "webp")])
def test_small_pictures_keep_their_size_and_their_look(body: bytes, format: str) -> None:
    picture, image = kept(body)
    assert (picture.format, picture.width, picture.height) == (format, 96, 64)
    assert image.size == (96, 64)
    original = Image.open(io.BytesIO(body)).convert("RGB").tobytes()
    difference = sum(abs(a - b) for a, b in zip(image.tobytes(), original, strict=True))
    assert difference / len(original) < 2


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


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_stand_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    # Red in the corner that the camera saw first.
    image = Image.new("RGB", (64, 32), "blue")
    image.paste("red", (0, 0, 32, 16))
    picture, shown = kept(encoded(image, "JPEG", exif=exif))
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


@pytest.mark.parametrize("format", ["PNG", "WEBP"])
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


def test_an_animation_is_its_first_frame() -> None:
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue")]
    body = encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    assert pixel(kept(body)[1], (16, 16))[0] > 200


@pytest.mark.parametrize(
    ("body", "format"),
    [
        (encoded(noise(32, 32), "GIF"), "gif"),
        (encoded(noise(32, 32), "BMP"), "bmp"),
        (encoded(noise(32, 32), "TIFF"), "tiff"),
        (encoded(noise(32, 32), "ICO"), "ico"),
        (encoded(noise(32, 32), "AVIF"), "avif"),
        (encoded(noise(32, 32), "JPEG2000"), "jp2"),
        (b'<?xml version="1.0"?>\n<!-- drawn --><svg xmlns="http://www.w3.org/2000/svg"/>', "svg"),
        (b"<svg viewBox='0 0 1 1'></svg>", "svg"),
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
        b"BMW is a car, not a bitmap",
        b"GIF of a cat",
        b"%PDF-1.7",
    ],
)
def test_what_is_no_image_is_said_to_be_none(body: bytes) -> None:
    assert picture_format(body) is None
    assert outcome(body) == "not_an_image"


@pytest.mark.parametrize("body", [JPEG, PNG, WEBP])
def test_a_truncated_picture_is_corrupt(body: bytes) -> None:
    for share in (0.3, 0.6, 0.9):
        assert outcome(body[: int(len(body) * share)]) == "corrupt_image"


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("side", [384, 30])
def test_a_jpeg_whose_second_half_is_zeros_is_corrupt(
    seed: int, progressive: bool, side: int
) -> None:
    whole = encoded(noise(400, 300, seed), "JPEG", progressive=progressive)
    assert outcome(whole, side) == "ok"
    assert outcome(whole[: len(whole) // 2].ljust(len(whole), b"\0"), side) == "corrupt_image"


def test_a_thumbnail_within_does_not_end_a_jpeg() -> None:
    exif = Image.Exif()
    exif[0x010E] = "x" + JPEG.decode("latin-1")
    whole = encoded(noise(200, 150), "JPEG", exif=exif)
    assert outcome(whole) == "ok"
    assert outcome(whole[:-2]) == "corrupt_image"


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
@given(st.sampled_from([JPEG, PNG, WEBP]), st.data())
def test_damage_never_gets_out(body: bytes, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(body) - 1))
    damage = data.draw(st.binary(min_size=1, max_size=40))
    assert isinstance(
        prepare(body[:position] + damage + body[position + len(damage) :], 32), Picture | Unusable
    )
