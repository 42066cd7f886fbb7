"""Pictures become hashes, and unreadable pixels become outcomes."""

from __future__ import annotations

import io

import imagehash
import numpy as np
import pyarrow as pa
from PIL import Image

from pairlake.udfs import image_hashes
from pairlake.udfs.pixels import read_picture


def _jpeg(picture: Image.Image, quality: int = 95) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _picture(seed: int) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), np.uint8)
    return Image.fromarray(coarse).resize((200, 160), Image.Resampling.BICUBIC)


def _hash(*pixels: bytes | None) -> list[dict[str, object]]:
    udf = image_hashes.load(image_hashes.identify("phash"))
    ids = pa.array([bytes([number] * 16) for number in range(len(pixels))], pa.uuid())
    batch = pa.record_batch({"image_id": ids, "pixels": pa.array(pixels, pa.binary())})
    return udf(batch).to_pylist()


def test_a_recompressed_copy_differs_in_few_bits_and_another_picture_in_many() -> None:
    one, copy, other = _hash(
        _jpeg(_picture(1)), _jpeg(_picture(1).resize((100, 80)), 60), _jpeg(_picture(2))
    )
    hashes = [int(str(row["phash"])) for row in (one, copy, other)]
    distance = [(hashes[0] ^ other) & 2**64 - 1 for other in hashes[1:]]
    assert distance[0].bit_count() <= 4
    assert distance[1].bit_count() > 16


def test_the_hash_is_imagehashs_own_64_bits() -> None:
    picture = _picture(3)
    unsigned = image_hashes.phash(np.asarray(picture)) & 2**64 - 1
    assert f"{unsigned:016x}" == str(imagehash.phash(picture))


def test_pixels_that_are_missing_or_broken_are_outcomes() -> None:
    missing, broken, fine = _hash(None, b"not a picture", _jpeg(_picture(4)))
    assert (missing["outcome"], missing["phash"]) == ("pixels_missing", None)
    assert (broken["outcome"], broken["phash"]) == ("pixels_unreadable", None)
    assert "cannot identify" in str(broken["error"])
    assert fine["outcome"] == "ok"


def test_what_is_transparent_stands_on_white() -> None:
    drawn = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    drawn.putpixel((0, 0), (200, 30, 40, 255))
    for picture, kind in ((drawn, "PNG"), (drawn.quantize(4), "PNG"), (drawn, "WEBP")):
        file = io.BytesIO()
        picture.save(file, kind, lossless=True)
        seen = read_picture(file.getvalue())
        assert seen[7, 7].tolist() == [255, 255, 255]
        assert seen[0, 0].tolist() == [200, 30, 40]
