"""A picture to search by is made as a kept one is, and costs no more than was said."""

from __future__ import annotations

import io
import os
import resource
import signal
from collections.abc import Iterator

import pytest
from PIL import Image, ImageDraw

from pairlake.ingest.images import sent
from pairlake.ingest.images.picture import Picture
from pairlake.ingest.images.pixels import prepare
from pairlake.ingest.images.sent import MOST_PIXELS, Sent
from pairlake.lake.errors import BadRequest
from pairlake.lake.processes import WorkerPool, limit_memory
from tests.ingest.images.profiles import swapped

SIDE = 96


@pytest.fixture(scope="module")
def decoder() -> Iterator[Sent]:
    decoder = Sent(side=SIDE)
    yield decoder
    decoder._pool.end()


def _file(picture: Image.Image, format: str, **how: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, format, **how)
    return file.getvalue()


def _drawn(mode: str) -> Image.Image:
    picture = Image.new("RGBA", (256, 200), (0, 0, 0, 0))
    ImageDraw.Draw(picture).ellipse((40, 40, 200, 190), fill=(200, 30, 40, 255))
    return picture.quantize(16) if mode == "P" else picture.convert(mode)


def _turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return _file(_drawn("RGB"), "JPEG", exif=exif)


def _webp(side: int) -> bytes:
    """One colour in a few dozen bytes, whatever size its header says."""
    body = bytearray(_file(Image.new("RGB", (16, 16), "red"), "WEBP", lossless=True))
    at = body.index(b"VP8L") + 9
    bits = int.from_bytes(body[at : at + 4], "little") >> 28 << 28
    body[at : at + 4] = (bits | (side - 1) << 14 | (side - 1)).to_bytes(4, "little")
    return bytes(body)


@pytest.mark.parametrize(
    "body",
    [
        *(_file(_drawn(mode), "PNG") for mode in ("RGB", "RGBA", "LA", "P", "1")),
        _file(Image.new("I;16", (120, 100), 40_000), "PNG"),
        _file(_drawn("RGBA"), "WEBP"),
        _file(_drawn("P"), "GIF"),
        _file(_drawn("RGBA"), "AVIF"),
        _file(_drawn("RGB"), "BMP"),
        _file(_drawn("RGB"), "JPEG", icc_profile=swapped()),
        _file(_drawn("RGBA"), "PNG", icc_profile=swapped()),
        _file(_drawn("CMYK"), "JPEG"),
        _turned(),
    ],
    ids=[
        "RGB",
        "RGBA",
        "LA",
        "P",
        "1",
        "16 bits",
        "WebP",
        "GIF",
        "AVIF",
        "BMP",
        "profile",
        "profile of a PNG",
        "CMYK",
        "turned",
    ],
)
def test_a_query_is_made_of_what_would_be_kept(decoder: Sent, body: bytes) -> None:
    kept = prepare(body, SIDE)
    assert isinstance(kept, Picture)
    assert decoder.kept(body) == kept.pixels


@pytest.mark.parametrize("body", [b"", b"<svg/>", _turned()[:300]])
def test_what_is_no_picture_is_refused_in_words(decoder: Sent, body: bytes) -> None:
    with pytest.raises(BadRequest, match=r"cannot be read \(\w+\); send a whole JPEG, PNG"):
        decoder.kept(body)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.mark.parametrize("side", [4_001, 7_071, 16_383])
def test_a_bomb_costs_what_its_header_takes(decoder: Sent, side: int) -> None:
    decoder.kept(_webp(16))
    before = decoder._pool.submit(_peak).result()
    with pytest.raises(BadRequest, match=f"more than {MOST_PIXELS:,} pixels|cannot be read"):
        decoder.kept(_webp(side))
    assert decoder._pool.submit(_peak).result() - before < 64_000  # kilobytes


def _hungry() -> str:
    limit_memory(64_000_000)
    try:
        return str(len(bytearray(256_000_000)))
    except MemoryError:
        return "refused"


def test_memory_is_refused_beyond_its_limit() -> None:
    pool = WorkerPool(1)
    assert pool.submit(_hungry).result() == "refused"
    pool.end()


def _deadly(body: bytes, side: int) -> bytes:
    if body == b"kill":
        os.kill(os.getpid(), signal.SIGSEGV)
    return body


def test_a_picture_that_kills_its_decoder_costs_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sent, "_kept", _deadly)
    decoder = Sent(side=SIDE)
    with pytest.raises(BadRequest, match="its decoder died of it; send another"):
        decoder.kept(b"kill")
    assert decoder.kept(b"fine") == b"fine"
    decoder._pool.end()
