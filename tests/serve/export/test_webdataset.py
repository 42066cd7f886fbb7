"""Shards have the kept pixels of every pair, and the loaders that train on them read them."""

from __future__ import annotations

import gc
import io
import json
import tarfile
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from PIL import Image

import pairlake.serve.export.webdataset
from pairlake.lake.catalog import writing
from pairlake.serve.export.export import export
from pairlake.serve.export.selection import Selection
from tests.serve.conftest import APPLE, CAT, HOSTILE, POMME, PUBLISHED, SEA, Mart, Pair, picture
from tests.serve.export.exporting import with_verdicts

pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """webdataset leaves it to chance when its files are closed: not later than here."""
    yield
    gc.collect()


@pytest.fixture
def mart(mart: Mart, monkeypatch: pytest.MonkeyPatch) -> Mart:
    """A mart whose pairs fill several small shards, from several batches."""
    monkeypatch.setattr(pairlake.serve.export.webdataset, "SHARD_ROWS", 2)
    monkeypatch.setattr(pairlake.serve.export.webdataset, "_BATCH_ROWS", 3)
    return with_verdicts(mart)


def _jpeg(pair: Pair) -> bytes:
    file = io.BytesIO()
    Image.open(io.BytesIO(picture(pair.picture))).save(file, "JPEG")
    return file.getvalue()


def _names(tar: Path) -> list[str]:
    with tarfile.open(tar) as members:
        return members.getnames()


def _samples(folder: Path) -> list[dict[str, Any]]:
    """What the library itself makes of the shards, in their order."""
    import webdataset

    shards = [str(path) for path in sorted(folder.glob("*.tar"))]
    return list(webdataset.WebDataset(shards, shardshuffle=False).decode("pil"))


def test_webdataset_reads_every_pair_with_its_picture(mart: Mart, tmp_path: Path) -> None:
    mart.keep(*PUBLISHED, pixels={"cat": _jpeg(CAT)})
    exported = export(tmp_path / "it", format="webdataset")
    assert (exported.rows, exported.left_out) == (5, {})

    samples = _samples(tmp_path / "it")

    assert {sample["txt"] for sample in samples} == {pair.caption for pair in PUBLISHED}
    for sample in samples:
        (pair,) = [pair for pair in PUBLISHED if pair.caption == sample["txt"]]
        told = sample["json"]
        assert (told["url"], told["caption"]) == (pair.image_url, pair.caption)
        assert (told["key"], told["status"]) == (sample["__key__"], "success")
        assert (told["width"], told["height"]) == sample["jpg"].size == (300, 200)
        assert told["uid"] == pair.pair_id.hex
        shown = sample["jpg"].getpixel((9, 9))
        drawn = Image.open(io.BytesIO(picture(pair.picture))).getpixel((0, 0))
        assert max(abs(a - b) for a, b in zip(shown, drawn, strict=True)) <= 3


def test_hugging_faces_datasets_read_every_pair(
    mart: Mart, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    mart.keep(*PUBLISHED)
    export(tmp_path / "it", format="webdataset")
    shards, cache = str(tmp_path / "it/*.tar"), str(tmp_path / "cache")
    read = datasets.load_dataset("webdataset", data_files=shards, split="train", cache_dir=cache)
    assert {row["txt"]: row["json"]["uid"] for row in read} == {
        pair.caption: pair.pair_id.hex for pair in PUBLISHED
    }
    assert {row["jpg"].size for row in read} == {(300, 200)}


def test_files_are_named_and_counted_as_img2dataset_does(mart: Mart, tmp_path: Path) -> None:
    mart.keep(*PUBLISHED)
    export(tmp_path / "it", format="webdataset")
    folder = tmp_path / "it"
    shards = {"00000": 2, "00001": 2, "00002": 1}
    assert {path.name for path in folder.iterdir()} == {
        *(name + end for name in shards for end in (".tar", ".parquet", "_stats.json")),
        "sizes.json",
        "provenance.json",
    }
    assert _names(folder / "00001.tar") == [
        f"00001000{n}.{ending}" for n in (0, 1) for ending in ("jpg", "json", "txt")
    ]
    for name, rows in shards.items():
        told = json.loads((folder / f"{name}_stats.json").read_text())
        assert (told["count"], told["successes"], told["status_dict"]) == (
            rows,
            rows,
            {"success": rows},
        )
        table = pq.read_table(folder / f"{name}.parquet")
        assert table["key"].to_pylist() == [f"{name}000{n}" for n in range(rows)]
        samples = [s["json"] for s in _samples(folder) if s["__key__"].startswith(name)]
        assert table.to_pylist() == samples


def test_a_jpeg_is_written_byte_for_byte(mart: Mart, tmp_path: Path) -> None:
    jpeg = _jpeg(CAT)
    mart.keep(CAT, pixels={"cat": jpeg})
    export(tmp_path / "it", format="webdataset")
    with tarfile.open(tmp_path / "it" / "00000.tar") as members:
        file = members.extractfile("000000000.jpg")
        assert file is not None
        assert file.read() == jpeg


def test_what_is_transparent_stands_on_white(mart: Mart, tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.new("RGBA", (40, 30), (0, 0, 0, 0)).save(file, "WEBP", lossless=True)
    mart.keep(CAT, pixels={"cat": file.getvalue()})
    export(tmp_path / "it", format="webdataset")
    (sample,) = _samples(tmp_path / "it")
    assert sample["jpg"].size == (40, 30)
    assert sample["jpg"].getpixel((20, 15)) == (255, 255, 255)


def test_pairs_without_pixels_are_counted(mart: Mart, tmp_path: Path) -> None:
    mart.keep(APPLE, POMME, CAT, SEA, HOSTILE, pixels={"sea": b"\xff\xd8\xffbroken"})
    with writing(mart.con):
        mart.con.execute("delete from lake.raw.image_pixels where image_id = ?", [APPLE.image_id])
    exported = export(tmp_path / "it", format="webdataset")
    assert exported.rows == len(_samples(tmp_path / "it")) == 2
    assert exported.left_out == {"pixels_not_kept": 2, "pixels_unreadable": 1}
    assert "left out: 2 pixels_not_kept, 1 pixels_unreadable" in str(exported)
    told = json.loads((tmp_path / "it" / "provenance.json").read_text())
    assert told["left_out"] == exported.left_out


def test_pixels_that_are_not_as_they_landed_are_left_out(mart: Mart, tmp_path: Path) -> None:
    mart.keep(APPLE, CAT)
    with writing(mart.con):
        # Of the one as it landed, and of the other as something else did.
        mart.con.execute(
            "update lake.raw.image_pixels "
            "set pixels_sha256 = unhex(sha256(if(image_id = ?, pixels, 'else'::blob)))",
            [APPLE.image_id],
        )
    exported = export(tmp_path / "it", format="webdataset")
    assert (exported.rows, exported.left_out) == (1, {"pixels_damaged": 1})


def test_pixels_that_landed_twice_are_written_once(mart: Mart, tmp_path: Path) -> None:
    mart.keep(APPLE, CAT)
    mart.keep(APPLE, CAT, pixels={"cat": _jpeg(CAT)})
    exported = export(tmp_path / "it", format="webdataset")
    assert exported.rows == len(_samples(tmp_path / "it")) == 2


def test_nothing_selected_is_an_empty_folder(mart: Mart, tmp_path: Path) -> None:
    mart.keep(APPLE)
    exported = export(tmp_path / "it", Selection(split="multi"), format="webdataset")
    assert exported.rows == 0
    assert {path.name for path in (tmp_path / "it").iterdir()} == {"sizes.json", "provenance.json"}


def test_open_clips_own_loader_trains_on_the_shards(mart: Mart, tmp_path: Path) -> None:
    from pairlake.udfs.torchvision_shim import allow_mismatched_torchvision

    allow_mismatched_torchvision()
    from open_clip_train.data import get_wds_dataset

    mart.keep(*PUBLISHED)
    export(tmp_path / "it", format="webdataset")
    arguments = Namespace(
        train_data=str(tmp_path / "it" / "{00000..00002}.tar"),
        # It finds the number in sizes.json.
        train_num_samples=None,
        train_data_upsampling_factors=None,
        dataset_resampled=False,
        batch_size=1,
        workers=0,
        world_size=1,
        seed=0,
    )

    data = get_wds_dataset(
        arguments,
        preprocess_img=lambda image: image.size,
        is_train=True,
        tokenizer=lambda text: [text],
    )

    assert data.dataloader.num_samples == 5
    seen = [(tuple(images[0]), texts[0]) for images, texts in data.dataloader]
    assert sorted(seen) == sorted(((300, 200), pair.caption) for pair in PUBLISHED)
