"""Makes the kept pixels of a picture from its bytes, or says why it is no picture of use.

It sees what strangers serve, so it runs in a process of its own (ingest/decoders.py).
"""

from __future__ import annotations

import io
import re
import warnings
from dataclasses import dataclass

from PIL import ExifTags, Image

# Pillow's own bound against decompression bombs, and LAION's.
MAX_PIXELS = 89_478_484
# A banner of 90,000 x 400 would be kept whole if only its short side counted.
MAX_KEPT_SIDE = 4_096
JPEG_QUALITY = 95

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

DECODED = ("jpeg", "png", "webp")

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


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture that decoded completely.

    `width` and `height` are those of the original as it is shown, its EXIF orientation applied;
    `pixels` is a JPEG of `kept_width` x `kept_height`.
    """

    format: str
    width: int
    height: int
    pixels: bytes
    kept_width: int
    kept_height: int


@dataclass(frozen=True, kw_only=True)
class Unusable:
    """Why bytes are no picture of use: the outcome of their download, and the words for it."""

    outcome: str
    error: str


def picture_format(body: bytes) -> str | None:
    """The image format that the first bytes announce, whatever any header says; None if none."""
    return next((name for name, magic in _MAGIC if magic.match(body)), None)


def prepare(body: bytes, side: int) -> Picture | Unusable:
    """Decode `body` whole and strictly, and shrink it to `side` pixels on its short side.

    Never enlarged; transparent parts stand on white; no metadata is kept. Of an animation, the
    first frame. Returns Unusable with the outcome not_an_image, unsupported_format,
    too_many_pixels or corrupt_image.
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
            return _decode(body, kind, side)
    except Image.DecompressionBombError as error:
        return Unusable(outcome="too_many_pixels", error=str(error))
    except Exception as error:  # noqa: BLE001 - on hostile bytes decoders raise anything
        return Unusable(outcome="corrupt_image", error=f"{type(error).__name__}: {error}")


def _decode(body: bytes, kind: str, side: int) -> Picture | Unusable:
    image: Image.Image = Image.open(io.BytesIO(body), formats=[kind])
    width, height = image.size
    if width * height > MAX_PIXELS:
        return Unusable(outcome="too_many_pixels", error=f"{width} x {height} pixels")
    if kind == "png":
        # Decoding alone leaves out the checksums of a PNG's chunks.
        Image.open(io.BytesIO(body), formats=[kind]).verify()
    kept = _kept_size(width, height, side)
    # A JPEG can be decoded at a half, quarter or eighth for a fraction of the cost.
    image.draft(None, (2 * kept[0], 2 * kept[1]))
    image.load()
    shown = _opaque(_plain(image).resize(kept, Image.Resampling.LANCZOS, reducing_gap=3.0))
    orientation = _orientation(image)
    if orientation in _TURNS:
        shown = shown.transpose(_TURNS[orientation])
    if orientation in _ON_ITS_SIDE:
        width, height = height, width
    encoded = io.BytesIO()
    shown.save(encoded, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return Picture(
        format=kind,
        width=width,
        height=height,
        pixels=encoded.getvalue(),
        kept_width=shown.width,
        kept_height=shown.height,
    )


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
