"""Makes the kept pixels of a picture from its bytes, or says why it is no picture of use.

It sees what strangers serve, so it runs in a process of its own (ingest/images/decoders.py).
"""

from __future__ import annotations

import io
import re
import struct
import warnings
import zlib
from math import ceil

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import ExifTags, Image

from ingest.images.jpeg_zeros import is_zeroed
from ingest.images.picture import TOO_HUNGRY, Picture, Unusable
from lake.errors import in_words

# There is a process per processor already.
cv2.setNumThreads(1)

# Pillow's own bound against decompression bombs, and LAION's.
MAX_PIXELS = 89_478_484
# A banner of 90,000 x 400 would be kept whole if only its short side counted.
MAX_KEPT_SIDE = 4_096
# Only the first frame is decoded, so this bounds the walk over the others. A frame in which
# anything moves takes kilobytes: no body that is fetched holds so many.
MAX_FRAMES = 10_000
JPEG_QUALITY = 95
MAX_SCANS = 100
_SCAN = b"\xff\xda"

# What to do about each EXIF orientation, and which of them swap width and height.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ON_ITS_SIDE = (5, 6, 7, 8)

Pixels = npt.NDArray[np.uint8]

DECODED = ("jpeg", "png", "webp", "gif")

_MAGIC = (
    ("jpeg", re.compile(rb"\xff\xd8\xff")),
    ("png", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("webp", re.compile(rb"RIFF....WEBP", re.DOTALL)),
    ("gif", re.compile(rb"GIF8[79]a")),
    ("bmp", re.compile(rb"BM.{4}\0{4}", re.DOTALL)),
    ("tiff", re.compile(rb"II\x2a\0|MM\0\x2a")),
    ("ico", re.compile(rb"\x00\x00\x01\x00")),
    ("psd", re.compile(rb"8BPS")),
    ("jxl", re.compile(rb"\xff\x0a|\0{3}\x0cJXL ")),
    ("jp2", re.compile(rb"\0{3}\x0cjP {2}|\xff\x4f\xff\x51")),
    ("avif", re.compile(rb".{4}ftypavi[fs]", re.DOTALL)),
    ("heic", re.compile(rb".{4}ftyp(?:hei|hev|mif1|msf1)", re.DOTALL)),
    ("svg", re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml.{0,500}?)?<svg[\s>]", re.DOTALL)),
)


# What decoders raise on damaged and hostile bytes.
_DAMAGE = (
    ArithmeticError,
    EOFError,
    LookupError,
    OSError,
    SyntaxError,
    TypeError,
    ValueError,
    cv2.error,
    struct.error,
    zlib.error,
)


class _Uncommon(Exception):
    """A JPEG that stores colours at fractions of the size for which simplejpeg has no name."""

    def __init__(self) -> None:
        super().__init__("a JPEG of an uncommon subsampling")


def picture_format(body: bytes) -> str | None:
    """The image format that the first bytes announce, whatever any header says; None if none."""
    return next((name for name, magic in _MAGIC if magic.match(body)), None)


def prepare(body: bytes, side: int, *, most_pixels: int = MAX_PIXELS) -> Picture | Unusable:
    """Decode `body` whole and strictly, and shrink it to `side` pixels on its short side.

    Never enlarged; transparent parts stand on white; no metadata is kept. Of an animation, the
    first frame. Returns Unusable with the outcome not_an_image, unsupported_format,
    too_many_pixels, too_many_frames or corrupt_image, or failed for what nobody foresaw.
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
    except _Uncommon as error:
        return Unusable(outcome="unsupported_format", error=str(error))
    except Image.DecompressionBombError as error:
        return Unusable(outcome="too_many_pixels", error=str(error))
    except MemoryError:
        return TOO_HUNGRY
    except _DAMAGE as error:
        if "nsufficient memory" in str(error):  # as OpenCV and libjpeg have it
            return TOO_HUNGRY
        return Unusable(outcome="corrupt_image", error=in_words(error))
    except Exception as error:  # noqa: BLE001 - no picture ends the job
        return Unusable(outcome="failed", error=in_words(error))


def _decode(body: bytes, kind: str, side: int, most_pixels: int) -> Picture | Unusable:
    # This reads the header only.
    image: Image.Image = Image.open(io.BytesIO(body), formats=[kind])
    width, height = image.size
    if width * height > most_pixels:
        return Unusable(outcome="too_many_pixels", error=f"{width} x {height} pixels")
    frames = _frames(image, body, kind)
    if frames > MAX_FRAMES:
        return Unusable(outcome="too_many_frames", error=f"more than {MAX_FRAMES} frames")
    kept = _kept_size(width, height, side)
    shown = _jpeg(image, body, kept) if kind == "jpeg" else _other(image, body, kind, kept)
    orientation = _orientation(image)
    if orientation in _TURNS:
        shown = shown.transpose(_TURNS[orientation])
    if orientation in _ON_ITS_SIDE:
        width, height = height, width
    encoded = io.BytesIO()
    # At this quality simplejpeg's encoder is less exact than Pillow's, and hardly faster.
    shown.save(encoded, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return Picture(
        format=kind,
        width=width,
        height=height,
        frames=frames,
        pixels=encoded.getvalue(),
        kept_width=shown.width,
        kept_height=shown.height,
    )


def _frames(image: Image.Image, body: bytes, kind: str) -> int:
    if kind == "jpeg":
        # Pillow counts the previews that cameras append.
        return 1
    return _gif_frames(body) if kind == "gif" else getattr(image, "n_frames", 1)


def _gif_frames(body: bytes) -> int:
    """How many frames a GIF has, by a walk over its blocks that ends soon after MAX_FRAMES.

    Pillow's own count has no bound, and ends quietly where a GIF is cut off.
    """
    frames = 0
    try:
        at = 13 + _colour_table_bytes(body[10])
        while frames <= MAX_FRAMES:
            if body[at] == ord(";"):
                return frames
            if body[at] == ord(","):
                frames += 1
                at += 11 + _colour_table_bytes(body[at + 9])
            elif body[at] == ord("!"):
                at += 2
            else:
                raise ValueError(f"a GIF has no block {body[at]:#04x}")
            while length := body[at]:
                at += 1 + length
            at += 1
    except IndexError:
        raise ValueError("the GIF is cut off") from None
    return frames


def _colour_table_bytes(flags: int) -> int:
    return 3 * 2 ** (1 + flags % 8) if flags & 0x80 else 0


def _jpeg(image: Image.Image, body: bytes, kept: tuple[int, int]) -> Image.Image:
    """A JPEG in the kept size. Unlike Pillow, simplejpeg takes libjpeg's warnings for errors."""
    width, height = _size_in_header(body)
    if (width, height) != image.size:
        raise ValueError(f"{width} x {height} pixels, or {image.size[0]} x {image.size[1]}")
    # Each scan goes over the whole picture again; a picture has some ten.
    if body.count(_SCAN) > MAX_SCANS:
        raise ValueError(f"more than {MAX_SCANS} scans")
    # It is decoded at a few eighths of its size, not far above what is kept. That leaves out the
    # finer detail, so that the rest is cheap: 90 photographs came as near to Lanczos' (from 31.5 dB
    # on) as by averaging areas of twice the size (from 31.4 on), in half the time.
    whole = _strictly(image, body, (ceil(1.5 * kept[0]), ceil(1.5 * kept[1])))
    if is_zeroed(body):
        raise ValueError("a stretch of zeros amid the pixels")
    return Image.fromarray(cv2.resize(whole, kept, interpolation=cv2.INTER_LINEAR))


def _size_in_header(body: bytes) -> tuple[int, int]:
    """Width and height of a JPEG; _Uncommon where simplejpeg has no name for how it is stored.

    Pillow decodes others too, but says nothing of damage in them.
    """
    try:
        height, width, _, _ = simplejpeg.decode_jpeg_header(body)
    except (KeyError, ValueError) as error:
        if isinstance(error, KeyError) or "subsampling" in str(error):
            raise _Uncommon from error
        raise
    return width, height


def _strictly(image: Image.Image, body: bytes, enough: tuple[int, int]) -> Pixels:
    least = {"min_width": enough[0], "min_height": enough[1]}
    if image.mode != "CMYK":
        rgb: Pixels = simplejpeg.decode_jpeg(body, "RGB", **least)
        return rgb
    inks: Pixels = simplejpeg.decode_jpeg(body, "CMYK", **least)
    if "adobe" in image.info:
        # Adobe's programs store them inverted.
        inks = 255 - inks
    return np.asarray(Image.fromarray(inks, "CMYK").convert("RGB"))


def _other(image: Image.Image, body: bytes, kind: str, kept: tuple[int, int]) -> Image.Image:
    """A picture in the kept size that Pillow decodes, which is strict enough but for JPEGs."""
    if kind == "png":
        # Decoding alone leaves out the checksums of a PNG's chunks.
        Image.open(io.BytesIO(body), formats=[kind]).verify()
    image.load()
    plain = _plain(image)
    if plain.mode == "RGB":
        shown = cv2.resize(np.asarray(plain), kept, interpolation=cv2.INTER_AREA)
        return Image.fromarray(shown)
    # Colours count by how opaque they are, which Pillow sees to.
    return _opaque(plain.resize(kept, Image.Resampling.LANCZOS, reducing_gap=3.0))


def _kept_size(width: int, height: int, side: int) -> tuple[int, int]:
    scale = min(1.0, side / min(width, height), MAX_KEPT_SIDE / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _plain(image: Image.Image) -> Image.Image:
    """The image as RGB, or as RGBA where parts of it are transparent."""
    if image.mode.startswith("I"):
        # 16 bits of grey; Pillow's own conversion would clip all above 255 to white.
        grey = image.convert("I").point([value // 256 for value in range(65_536)], "L")
        return grey.convert("RGB")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _opaque(image: Image.Image) -> Image.Image:
    if image.mode == "RGB":
        return image
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")


def _orientation(image: Image.Image) -> int:
    """How the picture is to be turned, by its EXIF; 1 (not at all) where that is broken."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001 - what is broken here is metadata, not the picture
        return 1
