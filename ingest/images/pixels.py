"""Makes the kept pixels of a picture from its bytes, or says why it is no picture of use.

It sees what strangers serve, so it runs in a process of its own (ingest/images/decoders.py).
"""

from __future__ import annotations

import io
import re
import struct
import warnings
import zlib
from functools import partial

import cv2
import numpy as np
from PIL import AvifImagePlugin, ExifTags, Image
from PIL.ImageFile import ImageFile

from pairlake.ingest.images.colours import in_srgb
from pairlake.ingest.images.formats import DECODED, picture_format
from pairlake.ingest.images.jpegs import Uncommon, open_jpeg
from pairlake.ingest.images.picture import TOO_HUNGRY, Opened, Picture, Pixels, Unusable
from pairlake.ingest.images.pngs import Png, read
from pairlake.lake.errors import in_words
from pairlake.lake.pictures import on_white

_ZEROS = re.compile(rb"\0+")

# There is a process per processor already.
cv2.setNumThreads(1)
AvifImagePlugin.DEFAULT_MAX_THREADS = 1

# Pillow's own bound against decompression bombs, and LAION's.
MAX_PIXELS = 89_478_484
# A banner of 90,000 x 400 would be kept whole if only its short side counted.
MAX_KEPT_SIDE = 4_096
# Only the first frame is decoded, so this bounds the walk over the others. A frame in which
# anything moves takes kilobytes: no body that is fetched holds so many.
MAX_FRAMES = 10_000
JPEG_QUALITY = 95
_ENCODING = (
    cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
)  # fmt: skip

# How each EXIF orientation but the first is to be turned: the axes swapped, then rows and columns
# taken from their ends.
_TURNS = {
    2: (False, 1, -1),
    3: (False, -1, -1),
    4: (False, -1, 1),
    5: (True, 1, 1),
    6: (True, 1, -1),
    7: (True, -1, -1),
    8: (True, -1, 1),
}

# What decoders raise on damaged and hostile bytes.
_DAMAGE = (
    ArithmeticError,
    AssertionError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    cv2.error,
    struct.error,
    zlib.error,
)
# What Pillow says of whole BMPs that are stored in ways which it does not know.
_UNKNOWN = re.compile("Unsupported BMP|invalid palette size")


def prepare(body: bytes, side: int, *, most_pixels: int = MAX_PIXELS) -> Picture | Unusable:
    """Decode `body` whole and strictly, and shrink it to `side` pixels on its short side.

    Never enlarged; turned as its EXIF says; in sRGB; transparent parts stand on white; no metadata
    is kept. Of an animation, the first frame. Returns Unusable with the outcome not_an_image,
    unsupported_format, too_many_pixels, too_many_frames or corrupt_image, or failed for what
    nobody foresaw.
    """
    kind = picture_format(body)
    if kind is None:
        return Unusable(outcome="not_an_image", error=f"begins with {body[:16]!r}")
    if kind not in DECODED:
        return Unusable(outcome="unsupported_format", error=kind)
    try:
        with warnings.catch_warnings():
            # Pillow warns of odd metadata and of sizes that are judged here.
            warnings.simplefilter("ignore")
            return _decode(body, kind, side, most_pixels)
    except Uncommon as error:
        return Unusable(outcome="unsupported_format", error=str(error))
    except Image.DecompressionBombError as error:
        return Unusable(outcome="too_many_pixels", error=str(error))
    except MemoryError:
        return TOO_HUNGRY
    except _DAMAGE as error:
        if "nsufficient memory" in str(error):  # as OpenCV and libjpeg have it
            return TOO_HUNGRY
        outcome = "unsupported_format" if _UNKNOWN.search(str(error)) else "corrupt_image"
        return Unusable(outcome=outcome, error=in_words(error))
    except Exception as error:  # noqa: BLE001 - no picture ends the job
        return Unusable(outcome="failed", error=in_words(error))


def _decode(body: bytes, kind: str, side: int, most_pixels: int) -> Picture | Unusable:
    opened = open_jpeg(body) if kind == "jpeg" else _open(body, kind)
    width, height = opened.width, opened.height
    if width * height > most_pixels:
        return Unusable(outcome="too_many_pixels", error=f"{width} x {height} pixels")
    if opened.frames > MAX_FRAMES:
        return Unusable(outcome="too_many_frames", error=f"more than {MAX_FRAMES} frames")
    loaded = opened.load(_kept_size(width, height, side))
    shown = _opaque(in_srgb(loaded, opened.profile, opened.space))
    swaps, down, across = _TURNS.get(_orientation(opened.exif), (False, 1, 1))
    if swaps:
        width, height = height, width
        shown = shown.swapaxes(0, 1)
    shown = shown[::down, ::across]
    return Picture(
        format=kind,
        width=width,
        height=height,
        frames=opened.frames,
        pixels=_encoded(shown),
        kept_width=shown.shape[1],
        kept_height=shown.shape[0],
    )


def _encoded(shown: Pixels) -> bytes:
    # The bytes of Pillow's encoder in less time; simplejpeg's is less exact at this quality.
    ordered = cv2.cvtColor(np.ascontiguousarray(shown), cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", ordered, _ENCODING)[1].tobytes()


def _open(body: bytes, kind: str) -> Opened:
    """A picture that Pillow decodes, which is strict enough but for JPEGs."""
    if kind == "png":
        png = read(body)
        image = Image.open(io.BytesIO(png.plain), formats=[kind])
        load = partial(_load_png, png, image)
        frames, exif, profile, is_grey = png.frames, png.exif, png.profile, png.is_grey
    else:
        image = Image.open(io.BytesIO(body), formats=[kind])
        load = partial(_load, image)
        # Pillow's own count of a GIF's frames has no bound.
        frames = gif_frames(body, MAX_FRAMES) if kind == "gif" else getattr(image, "n_frames", 1)
        exif, profile = image.info.get("exif", b""), image.info.get("icc_profile") or b""
        is_grey = False
    return Opened(
        width=image.width,
        height=image.height,
        frames=frames,
        exif=exif,
        profile=profile,
        space="GRAY" if is_grey else "RGB",
        load=load,
    )


def _load_png(png: Png, image: ImageFile, kept: tuple[int, int]) -> Pixels:
    image.load()
    last_row = image.crop((0, image.height - 1, image.width, image.height)).tobytes()
    # To look whether all rows have come takes time, and few pictures end in nothing.
    if (png.is_interlaced or not any(last_row)) and not png.has_all_rows():
        raise ValueError("rows are missing")
    return _load(image, kept)


def _load(image: ImageFile, kept: tuple[int, int]) -> Pixels:
    plain = _first_frame(image) if image.format == "GIF" else _plain(image)
    if plain.mode == "RGB":
        whole = np.asarray(plain)
        return np.asarray(cv2.resize(whole, kept, interpolation=cv2.INTER_AREA), np.uint8)
    # Colours count by how opaque they are, which Pillow sees to.
    return np.asarray(plain.resize(kept, Image.Resampling.LANCZOS, reducing_gap=3.0))


def _kept_size(width: int, height: int, side: int) -> tuple[int, int]:
    scale = min(1.0, side / min(width, height), MAX_KEPT_SIDE / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _first_frame(image: ImageFile) -> Image.Image:
    """The first frame of a GIF, with nothing where it does not reach; Pillow has a colour there."""
    (_, place, *_), *_ = image.tile
    plain = _plain(image)
    if place == (0, 0, *image.size):
        return plain
    shown = Image.new("RGBA", image.size)
    shown.paste(plain.crop(place), place)
    return shown


def _plain(image: Image.Image) -> Image.Image:
    """The image as RGB, or as RGBA where parts of it are transparent."""
    if not image.mode.startswith("I"):
        mode = "RGBA" if image.has_transparency_data else "RGB"
        return image if image.mode == mode else image.convert(mode)
    # 16 bits of grey; Pillow's own conversion would clip all above 255 to white.
    levels = np.asarray(image)
    grey = Image.fromarray((levels >> 8).astype(np.uint8)).convert("RGB")
    if "transparency" in image.info:
        opaque = levels != image.info["transparency"]
        grey.putalpha(Image.fromarray(opaque.astype(np.uint8) * 255))
    return grey


def _opaque(pixels: Pixels) -> Pixels:
    return pixels if pixels.shape[2] == 3 else np.asarray(on_white(Image.fromarray(pixels)))


def _orientation(exif: bytes) -> int:
    """How the picture is to be turned, by its EXIF; 1 (not at all) where that is broken."""
    try:
        read_exif = Image.Exif()
        read_exif.load(exif)
        return int(read_exif.get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001 - what is broken here is metadata, not the picture
        return 1


def gif_frames(body: bytes, most: int) -> int:
    """How many whole frames a GIF has, by a walk over its blocks that ends soon after `most`.

    Pillow's own count has no bound. It ends, as browsers do, where the blocks do, be it with a
    trailer or without; whether the first frame is whole shows when it is decoded.
    """
    frames = 0
    try:
        at = 13 + _colour_table_bytes(body[10])
        while frames <= most:
            # Some programs write zeros too many.
            if zeros := _ZEROS.match(body, at):
                at = zeros.end()
            is_frame = body[at] == ord(",")
            if is_frame:
                at += 11 + _colour_table_bytes(body[at + 9])
            elif body[at] == ord("!"):
                at += 2
            else:
                break
            while length := body[at]:
                at += 1 + length
            at += 1
            frames += is_frame
    except IndexError:
        pass
    return max(1, frames)


def _colour_table_bytes(flags: int) -> int:
    return 3 * 2 ** (1 + flags % 8) if flags & 0x80 else 0
