"""Pictures that browsers show are kept, however odd beside their pixels; halves are not."""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from pairlake.ingest.images.jpegs import MAX_SCANS
from pairlake.ingest.images.picture import Picture, Unusable
from pairlake.ingest.images.pixels import prepare
from tests.ingest.drawn import JPEG, encoded, noise
from tests.ingest.images.profiles import BLACK_ALONE, LINEAR_GREY, srgb, swapped

PROGRESSIVE = encoded(noise(96, 64), "JPEG", quality=90, progressive=True)
GIF = encoded(noise(24, 16), "GIF")
ROWS = np.asarray(noise(24, 16)).reshape(16, 72)
PACKED = zlib.compress(b"".join(b"\0" + row.tobytes() for row in ROWS))


def pixels(body: bytes) -> bytes | str:
    """The kept pixels, or the outcome without them."""
    made = prepare(body, 384)
    return made.pixels if isinstance(made, Picture) else made.outcome


def chunk(kind: bytes, content: bytes, wrong: int = 0) -> bytes:
    checksum = zlib.crc32(kind + content) ^ wrong
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def png(*between: bytes, data: bytes = b"", end: bytes = chunk(b"IEND", b"")) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 24, 16, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(between) + (data or IDAT) + end


def packed(rows: bytes, width: int, height: int, pixels: bytes) -> bytes:
    """A PNG of those rows; `pixels` is what its header says of them."""
    header = chunk(b"IHDR", struct.pack(">II", width, height) + pixels)
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


IDAT = chunk(b"IDAT", PACKED)
LONG = zlib.compress(bytes(2_000_000))


@pytest.mark.parametrize(
    "body",
    [
        png(chunk(b"zTXt", b"Comment\0\0" + LONG)),
        png(chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + LONG)),
        png(*[chunk(b"zTXt", b"Comment\0\0" + LONG)] * 40),
        png(chunk(b"iCCP", b"press\0\0" + LONG)),
        png(chunk(b"iCCP", b"press\0\0" + zlib.compress(bytes(20_000_000)))),
        png(chunk(b"iCCP", b"press\0\0" + LONG[:50])),
        png(chunk(b"iCCP", b"")),
        png(chunk(b"iCCP", b"press\0\7" + LONG)),
        png(chunk(b"tEXt", b"Software\0old", wrong=1)),
        png(chunk(b"iCCP", b"x\0\0" + zlib.compress(swapped()), wrong=1)),
        png(chunk(b"tRNS", noise(24, 16).tobytes()[:6], wrong=1)),
        png(chunk(b"tRNS", b"\0")),
        png(chunk(b"gAMA", b"\0"), chunk(b"cHRM", b""), chunk(b"pHYs", b"\1"), chunk(b"sRGB", b"")),
        png(chunk(b"eXIf", b"no exif")),
        png(
            data=chunk(b"IDAT", PACKED[:99]) + chunk(b"tEXt", b"a\0b") + chunk(b"IDAT", PACKED[99:])
        ),
        png(end=chunk(b"IEND", b"", wrong=1)),
        png(end=b""),
        png(end=b"\0\0\xff\xfftEXtcut off"),
        # Cut off amid the checksums of its pixels.
        *(png()[:-cut] for cut in (12, 13, 16, 17, 20)),
        png(end=chunk(b"tRNS", noise(24, 16).tobytes()[:6])),
        png(end=chunk(b"iCCP", b"x\0\0" + zlib.compress(swapped()))),
        png(chunk(b"iCCP", b"x\0\0" + zlib.compress(swapped())[:-4])),
        png(end=bytes(40)),
        png() + b"<html>" * 99,
    ],
)
def test_what_stands_beside_the_pixels_of_a_png_costs_nothing(body: bytes) -> None:
    assert pixels(body) == pixels(png())


@pytest.mark.parametrize(
    "body",
    [
        png(data=chunk(b"IDAT", PACKED, wrong=1)),
        png(data=chunk(b"IDAT", PACKED[:99]) + chunk(b"IDAT", PACKED[99:], wrong=1)),
        png(chunk(b"PLTE", bytes(3), wrong=1)),
        png().replace(struct.pack(">I", zlib.crc32(png()[12:29])), b"none"),
        png(data=chunk(b"IDAT", PACKED[:99])),
        png(data=b"\0"),
        png()[:-40],
        packed(bytes(25 * 16), 24, 16, bytes([8, 3, 0, 0, 0])),  # no palette
    ],
)
def test_a_png_of_damaged_pixels_is_corrupt(body: bytes) -> None:
    assert pixels(body) == "corrupt_image"


@pytest.mark.parametrize("colour", [0, 2, 3, 4, 6])
@pytest.mark.parametrize("is_interlaced", [False, True])
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 3), (13, 21)])
def test_a_png_without_its_last_rows_is_corrupt(
    size: tuple[int, int], is_interlaced: bool, colour: int
) -> None:
    # The order of an interlaced one: every eighth pixel first, and every other row last.
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2)]
    passes = [*passes, (0, 1, 1, 2)] if is_interlaced else [(0, 0, 1, 1)]
    values = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    rows = [
        b"\0" + bytes(len(range(left, size[0], across)) * values)
        for left, top, across, down in passes
        for _ in range(top, size[1], down)
        if left < size[0]
    ]
    palette = chunk(b"PLTE", bytes(768)) if colour == 3 else b""
    for count, outcome in ((len(rows), b""), (len(rows) - 1, "corrupt_image")):
        body = packed(b"".join(rows[:count]), *size, bytes([8, colour, 0, 0, is_interlaced]))
        found = pixels(body[:33] + palette + body[33:])
        assert isinstance(found, type(outcome)), found


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_a_transparent_grey_stands_on_white_whatever_its_bits(bits: int) -> None:
    # Black, white, and a grey between, which of one bit is black.
    full = 2**bits - 1
    levels = [0] * 8 + [full] * 8 + [full // 3] * 8
    row = b"\0" + int("".join(f"{level:0{bits}b}" for level in levels), 2).to_bytes(3 * bits)
    body = packed(row, 24, 1, bytes([bits, 0, 0, 0, 0]))
    for transparent in (0, full // 3):
        made = prepare(body[:33] + chunk(b"tRNS", struct.pack(">H", transparent)) + body[33:], 384)
        assert isinstance(made, Picture)
        shown = np.asarray(Image.open(io.BytesIO(made.pixels)).convert("L"))[0].tolist()
        for level, seen in zip(levels, shown, strict=True):
            assert abs(seen - (255 if level == transparent else 255 * level // full)) < 8


def segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def with_segment(marker: int, content: bytes, whole: bytes = JPEG) -> bytes:
    return whole[:2] + segment(marker, content) + whole[2:]


ADOBE = b"Adobe\0\x64\0\0\0\0"
ADOBE_0 = segment(0xEE, ADOBE + b"\0")
TURNED = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\1" + struct.pack(">HHIHHI", 0x112, 3, 1, 6, 0, 0)
FILM = b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 40 + b"\xff\xda" * 2 * MAX_SCANS


@pytest.mark.parametrize("whole", [JPEG, PROGRESSIVE], ids=["sequential", "progressive"])
@pytest.mark.parametrize(
    "change",
    [
        lambda whole: whole + FILM,
        lambda whole: whole + FILM + whole[:500],
        lambda whole: whole + b"\xff\xd9",
        lambda whole: whole[:-2],
        lambda whole: whole[:-2] + b"\0" + whole[-2:],
        lambda whole: whole[:-2] + bytes(24) + whole[-2:],
        lambda whole: whole[:-2] + b"\xff" * 9 + whole[-2:],
        lambda whole: whole[:20] + b"abc" + whole[20:],
        lambda whole: whole[:20] + b"\xff" * 5 + whole[20:],
        lambda whole: whole[:11] + b"\7" + whole[12:],  # of a later JFIF
        lambda whole: with_segment(0xE2, b"ICC_PROFILE\0", whole),
        lambda whole: with_segment(0xE2, b"ICC_PROFILE\0\1\1", whole),
        lambda whole: with_segment(0xE2, b"ICC_PROFILE\0\1\1" + bytes(300), whole),
        lambda whole: with_segment(0xE2, b"ICC_PROFILE\0\2\3" + swapped(), whole),
        lambda whole: with_segment(0xE2, b"ICC_PROFILE\0\1\1" + swapped()[:-900], whole),
        lambda whole: with_segment(0xE2, b"ICC_PROFILE\0\1\1" + srgb(), whole),
        lambda whole: with_segment(0xE2, b"ICC_PROFILE\0\1\1" + LINEAR_GREY, whole),
        lambda whole: with_segment(0xE2, b"MPF\0II", whole),
        lambda whole: with_segment(0xEE, b"Adobe", whole),
        lambda whole: with_segment(0xEE, ADOBE + b"\7", whole),
        lambda whole: with_segment(0xEE, ADOBE + b"\7", whole[:2] + whole[20:]),
        lambda whole: whole[:2] + ADOBE_0 + segment(0xEE, ADOBE + b"\1") + whole[20:],
        lambda whole: whole[:-2] + segment(0xE1, TURNED) + whole[-2:],
        lambda whole: whole[:-2] + segment(0xE2, b"ICC_PROFILE\0\1\1" + swapped()) + whole[-2:],
        lambda whole: with_segment(0xED, b"Photoshop 3.0\x008BIM\4", whole),
        lambda whole: with_segment(0xE1, b"Exif\0\0", whole),
        lambda whole: with_segment(0xE1, b"Exif\0\0II\x2a\0\xff\xff\xff\xff", whole),
    ],
)
def test_what_stands_beside_the_pixels_of_a_jpeg_costs_nothing(
    whole: bytes, change: Callable[[bytes], bytes]
) -> None:
    assert pixels(change(whole)) == pixels(whole)


@pytest.mark.parametrize("pad", [b"\0", b"\xff"])
def test_the_byte_behind_the_name_of_exif_may_be_any(pad: bytes) -> None:
    made = prepare(with_segment(0xE1, TURNED[:5] + pad + TURNED[6:]), 384)
    assert isinstance(made, Picture)
    assert (made.width, made.height) == (64, 96)


def test_a_scan_whose_header_says_nothing_is_whole() -> None:
    # Of a picture that has one scan; some phones write such headers.
    at = JPEG.index(b"\xff\xda") + 11
    assert pixels(JPEG[:at] + bytes(3) + JPEG[at + 3 :]) == pixels(JPEG)


def test_a_jpeg_without_its_last_scans_is_corrupt() -> None:
    starts = [found.start() for found in re.finditer(b"\xff\xda", PROGRESSIVE)]
    assert len(starts) > 5
    for start in starts:
        assert pixels(PROGRESSIVE[:start]) == "corrupt_image"


def test_segments_without_number_are_no_picture() -> None:
    made = prepare(JPEG[:2] + segment(0xE5, b"") * 20_000 + JPEG[2:], 384)
    assert isinstance(made, Unusable)
    assert "segments" in made.error


@pytest.mark.parametrize(
    "body",
    [
        GIF[:-1],
        GIF[:-2],
        GIF[:-1] + bytes(40),
        GIF[:-1] + b"\0;",
        GIF + b"junk",
        GIF[:-1] + b"junk",
    ],
)
def test_however_a_gif_ends_its_picture_is_whole(body: bytes) -> None:
    assert pixels(body) == pixels(GIF)


def test_zeros_between_the_frames_of_a_gif_end_nothing() -> None:
    frames = [Image.new("RGB", (24, 16), colour) for colour in ("red", "green", "blue")]
    body = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    for odd in (body, body.replace(b"\0!\xf9", bytes(9) + b"!\xf9"), body[:-1]):
        made = prepare(odd, 384)
        assert isinstance(made, Picture)
        assert made.frames == 3


@pytest.mark.parametrize("format", ["GIF", "PNG", "JPEG", "PROGRESSIVE", "BMP", "WEBP", "AVIF"])
def test_what_is_cut_off_is_the_same_picture_or_none(format: str) -> None:
    frames = [noise(20, 12), noise(20, 12, 1)]
    animated = {"save_all": True, "append_images": frames[1:]} if format in ("GIF", "PNG") else {}
    progressive = {"progressive": True} if format == "PROGRESSIVE" else {}
    body = encoded(frames[0], "JPEG" if progressive else format, **animated, **progressive)
    whole = pixels(body)
    sizes = [*range(24, len(body), 7), *range(len(body) - 20, len(body))]
    seen = {pixels(body[:size]) for size in sizes}
    assert seen <= {whole, "corrupt_image"}
    assert (whole in seen) == (format in ("GIF", "PNG", "JPEG", "PROGRESSIVE"))


def shown(body: bytes) -> tuple[int, int, int]:
    """The colour in the middle of what is kept."""
    made = prepare(body, 384)
    assert isinstance(made, Picture), made
    image = Image.open(io.BytesIO(made.pixels))
    red, green, blue = np.asarray(image)[image.height // 2, image.width // 2].tolist()
    return red, green, blue


@pytest.mark.parametrize(
    ("format", "mode"),
    [
        ("JPEG", "RGB"),
        *(("PNG", mode) for mode in ("RGB", "RGBA", "P")),
        *((lossy, mode) for lossy in ("WEBP", "AVIF") for mode in ("RGB", "RGBA")),
    ],
)
def test_colours_are_those_that_the_profile_means(format: str, mode: str) -> None:
    red = Image.new("RGB", (64, 48), "red").convert(mode)
    lossless = {"lossless": True} if format == "WEBP" else {"quality": 95}
    colour = shown(encoded(red, format, icc_profile=swapped(), **lossless))
    assert np.abs(np.subtract(colour, (0, 255, 0))).max() < 12
    assert shown(encoded(red, format, icc_profile=srgb(), **lossless))[0] > 240


@pytest.mark.parametrize(
    ("mode", "format", "profile", "expected"),
    [
        ("L", "JPEG", LINEAR_GREY, 188),
        ("L", "PNG", LINEAR_GREY, 188),
        ("LA", "PNG", LINEAR_GREY, 188),
        ("L", "JPEG", swapped(), 128),
        ("L", "JPEG", BLACK_ALONE, 128),
        ("RGB", "JPEG", LINEAR_GREY, 128),
        ("RGB", "PNG", BLACK_ALONE, 128),
        ("CMYK", "JPEG", BLACK_ALONE, 255),
        ("CMYK", "JPEG", b"", 128),
        ("CMYK", "JPEG", swapped(), 128),
        ("CMYK", "JPEG", BLACK_ALONE[:200], 128),
    ],
)
def test_greys_and_inks_have_profiles_of_their_own(
    mode: str, format: str, profile: bytes, expected: int
) -> None:
    colour = Image.new("L", (64, 48), 128).convert("RGB").convert(mode)
    for value in shown(encoded(colour, format, icc_profile=profile)):
        assert abs(value - expected) <= 3


def test_a_transparent_grey_of_16_bits_stands_on_white() -> None:
    levels = np.full((16, 24), 300, np.uint16)
    levels[:, 12:] = 301
    body = encoded(Image.fromarray(levels), "PNG")
    at = body.index(b"IDAT") - 4
    made = body[:at] + chunk(b"tRNS", struct.pack(">H", 301)) + body[at:]
    assert shown(made) == (255, 255, 255)
    assert shown(body) == (1, 1, 1)


def test_where_the_first_frame_of_a_gif_does_not_reach_is_white() -> None:
    small = encoded(Image.new("P", (8, 8)), "GIF")
    blue = b"\0\0\xff" * 2
    screen = b"GIF89a" + struct.pack("<HH", 32, 32) + b"\x80\1\0" + blue
    frame = small.index(b",")
    assert shown(screen + small[frame:]) == (255, 255, 255)


def test_a_bitmap_that_the_decoder_does_not_know_is_named_so() -> None:
    body = encoded(noise(16, 16).convert("RGBA"), "BMP")
    # Its pixels in a way of packing that there is not.
    made = prepare(body[:30] + struct.pack("<I", 11) + body[34:], 384)
    assert isinstance(made, Unusable)
    assert made.outcome == "unsupported_format"
