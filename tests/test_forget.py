"""What is forgotten is hidden at once, and erased from every file by `maintain`."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import lance
import pyarrow as pa
import pytest
from PIL import Image, ImageOps

from pairlake.demo.stage import environment
from pairlake.demo.wat import CRAWL_ID
from pairlake.demo.web import base_url, serving
from pairlake.demo.world import build_world
from pairlake.lake.append import append
from pairlake.lake.catalog import connect
from pairlake.lake.dbt_plugin import build_dataset
from pairlake.lake.settings import settings
from tests.keyed import with_pair_keys
from tests.traces import found

# One picture stands on a domain of its own, another is shown by two pages.
DOMAIN = "localhost"
PAGE = "https://diary.example/about-me.html"
OTHER_PAGE = "https://atlas.example/drawings.html"
ON_DOMAIN = "the picture that stands on a domain of its own"
ON_PAGES = "the picture that two different pages show"
ONLY_ON_PAGE = "what the diary alone says of its picture"


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A kept pair of the world, and the bytes that the lake holds of it."""

    pair_id: object
    image_id: object
    image_url: str
    caption: str
    sha256: str
    pixels: bytes
    image_embedding: bytes
    caption_embedding: bytes

    def traces(self) -> dict[str, bytes]:
        """What must be found nowhere once the picture is forgotten."""
        return {
            "url": self.image_url.encode(),
            "caption": self.caption.encode(),
            # From the picture's own data: what stands before it in a JPEG is the same in many.
            "pixels": self.pixels[-560:-500],
            "image embedding": self.image_embedding[:64],
            "caption embedding": self.caption_embedding[:64],
        }


# Pairs whose URL and caption are in no other, with how many other pairs show the same picture.
_KEPT = """
with judged as (
    select pairs.*, landed.image_url, landed.caption
    from lake.intermediate.int_pairs_judged as pairs
    inner join lake.intermediate.int_pairs_deduplicated as landed using (pair_id)
)
select
    pairs.pair_id, pairs.image_id, pairs.image_url, pairs.caption, hex(pairs.sha256) as sha256,
    pixels.pixels, images.embedding as image_embedding, captions.embedding as caption_embedding
from lake.marts.pairs
inner join lake.raw.image_pixels as pixels using (image_id)
inner join lake.enriched.image_embeddings as images using (image_id)
inner join lake.enriched.caption_embeddings as captions using (caption_id)
where
    (select count(*) from judged where contains(judged.image_url, pairs.image_url))
    = (select count(*) from judged where judged.image_url = pairs.image_url)
    and (select count(*) from judged where contains(judged.caption, pairs.caption)) = 1
    and ({which})
order by pairs.pair_id
limit 1
"""


def _pairlake(*arguments: str) -> str:
    command = [sys.executable, "-m", "pairlake", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _rows(query: str, *parameters: object) -> list[tuple[Any, ...]]:
    con = connect(read_only=True)
    rows = con.execute(query, list(parameters)).fetchall()
    con.close()
    return rows


def _kept(which: str) -> Kept:
    con = connect(read_only=True)
    (row,) = con.execute(_KEPT.format(which=which)).to_arrow_table().to_pylist()
    con.close()
    return Kept(**row)


def _thumbnail_of(image_id: object) -> bytes:
    """A part of a picture's thumbnail from its own data."""
    table = lance.dataset(f"{settings().search}/thumbnails.lance").to_table()
    thumbnails = dict(zip(table["image_id"].to_pylist(), table["jpeg"].to_pylist(), strict=True))
    jpeg = thumbnails[UUID(str(image_id)).bytes]
    assert isinstance(jpeg, bytes)
    return jpeg[-160:-100]


def _plant(world: Path, port: int) -> tuple[str, str]:
    """Land more pairs: of a picture on DOMAIN alone, and of one that PAGE and OTHER_PAGE show.

    Returns their URLs. The pictures are one of the world, mirrored and upside down.
    """
    source = max((world / "images").glob("*-small.jpg"), key=lambda file: file.stat().st_size)
    with Image.open(source) as image:
        ImageOps.mirror(image).save(world / "images" / "mirrored.jpg", quality=95)
        ImageOps.flip(image).save(world / "images" / "flipped.jpg", quality=95)
    at_domain = f"http://{DOMAIN}:{port}/images/mirrored.jpg"
    on_pages = f"{base_url(port)}images/flipped.jpg"
    pairs = [
        _pair(at_domain, ON_DOMAIN, OTHER_PAGE),
        _pair(on_pages, ON_PAGES, PAGE, OTHER_PAGE),
        _pair(on_pages, ONLY_ON_PAGE, PAGE),
    ]
    file = {
        "crawl_id": "planted",
        "path": "planted.wat.gz",
        "outcome": "ok",
        "pairs": len(pairs),
        "sightings": sum(len(pair["sightings"]) for pair in pairs),
        "started_at": datetime(2026, 1, 1),
    }
    append(
        {
            "raw.image_text_pairs": with_pair_keys(pa.Table.from_pylist(pairs)),
            "raw.crawl_files": pa.Table.from_pylist([file]),
        }
    )
    return at_domain, on_pages


def _pair(url: str, caption: str, *pages: str) -> dict[str, Any]:
    return {
        "image_url": url,
        "caption": caption,
        "crawl_id": "planted",
        "path": "planted.wat.gz",
        "sightings": [{"page_url": page, "record_offset": 0} for page in pages],
        "occurrences": len(pages),
    }


def _pixels_of(url: str) -> bytes:
    ((pixels,),) = _rows(
        "select any_value(pixels) from lake.raw.downloads "
        "inner join lake.raw.image_pixels using (image_id) where url_id = md5(?)::uuid",
        url,
    )
    assert isinstance(pixels, bytes)
    return pixels[-560:-500]


@pytest.fixture
def planted(tmp_path: Path, free_port: int, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """A small world made into a dataset, with the two pairs of `_plant`; gives their URLs."""
    world = tmp_path / "world"
    build_world(world, base_url(free_port), 40)
    monkeypatch.setenv("PAIRLAKE_DEMO_PORT", str(free_port))
    for name, value in environment(None).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PAIRLAKE_FETCH_TIMEOUT_S", "2")
    urls = _plant(world, free_port)
    with serving(world, free_port):
        _pairlake("run", "--crawl", CRAWL_ID, "--files", "all")
    return urls


@pytest.mark.slow
def test_takedowns_hide_at_once_and_leave_no_byte(planted: tuple[str, str]) -> None:
    home = Path(os.environ["PAIRLAKE_HOME"])
    at_domain, on_pages = planted
    # By its bytes: a picture wherever it stands. By its URL: the same picture stands elsewhere.
    twin = (
        "exists (select 1 from judged where judged.image_id = pairs.image_id "
        "and judged.{column} <> pairs.{column} and judged.drop_reason = 'duplicate_image')"
    )
    by_hash = _kept(f"not {twin.format(column='image_url')}")
    by_url = _kept(twin.format(column="image_url"))
    # By its caption: the same picture has another, under the same URL.
    same_url = "judged.image_url = pairs.image_url and judged.image_id"
    by_caption = _kept(
        f"{twin.format(column='caption').replace('judged.image_id', same_url, 1)} "
        f"and pairs.image_id not in ('{by_hash.image_id}', '{by_url.image_id}')"
    )
    caption_traces = {
        name: trace for name, trace in by_caption.traces().items() if name.startswith("caption")
    }
    gone = {
        **{f"{name} by hash": trace for name, trace in by_hash.traces().items()},
        **{f"{name} by caption": trace for name, trace in caption_traces.items()},
        "thumbnail by hash": _thumbnail_of(by_hash.image_id),
        "caption by url": by_url.caption.encode(),
        "url by domain": at_domain.encode(),
        "pixels by domain": _pixels_of(at_domain),
        "page": PAGE.encode(),
        "caption by page": ONLY_ON_PAGE.encode(),
    }
    shared = {
        "pixels by url": by_url.traces()["pixels"],
        "image embedding by url": by_url.traces()["image embedding"],
        "url by caption": by_caption.traces()["url"],
        "pixels by caption": by_caption.traces()["pixels"],
        "image embedding by caption": by_caption.traces()["image embedding"],
        "url by page": on_pages.encode(),
        "pixels by page": _pixels_of(on_pages),
        "other page": OTHER_PAGE.encode(),
    }
    # The check itself must be able to find them.
    assert found(home, {**gone, **shared}).keys() == {**gone, **shared}.keys()
    landed = _landed(by_hash)

    forget = ["--image-hash", by_hash.sha256, "--url", by_url.image_url]
    requests = home.parent / "requests.csv"
    with requests.open("w", newline="") as handle:
        rows = [("kind", "value"), ("caption", by_caption.caption), ("page", PAGE)]
        csv.writer(handle).writerows(rows)
    forget += ["--domain", DOMAIN, "--file", str(requests)]
    assert "pairs are hidden" in _pairlake("forget", *forget)
    _check_hidden(by_hash, by_url, by_caption)
    _check_reasons(at_domain, on_pages)

    assert "rows erased" in _pairlake("maintain")

    assert found(home, gone) == {}
    assert found(home, shared).keys() == shared.keys()
    _check_tables(by_hash, by_url, by_caption)

    # The whole world again, in a later crawl: what was forgotten is counted, and not there.
    kept = _rows("select pair_id from lake.marts.pairs order by pair_id")
    append(landed)
    build_dataset()
    assert found(home, gone) == {}
    assert _rows("select pair_id from lake.marts.pairs order by pair_id") == kept
    _check_tables(by_hash, by_url, by_caption)


def _landed(by_hash: Kept) -> dict[str, pa.Table]:
    """All that has landed, as another crawl would bring it, with what was made of one picture."""
    con = connect(read_only=True)
    landed = {
        f"raw.{name}": con.execute(
            f"select * exclude (attempt_id, landed_at) from lake.raw.{name}"
        ).to_arrow_table()
        for name in ("image_text_pairs", "crawl_files", "downloads", "images", "image_pixels")
    }
    landed["enriched.image_embeddings"] = con.execute(
        "select * exclude (attempt_id, landed_at) from lake.enriched.image_embeddings "
        "where image_id = ?",
        [by_hash.image_id],
    ).to_arrow_table()
    con.close()
    for name in ("raw.image_text_pairs", "raw.crawl_files"):
        again = pa.array(["again"] * landed[name].num_rows)
        place = landed[name].schema.get_field_index("crawl_id")
        landed[name] = landed[name].set_column(place, "crawl_id", again)
    return landed


def _check_hidden(by_hash: Kept, by_url: Kept, by_caption: Kept) -> None:
    pairs = (by_hash.pair_id, by_url.pair_id, by_caption.pair_id)
    assert _rows("select * from lake.marts.pairs where pair_id in (?, ?, ?)", *pairs) == []
    # The twins of two of them take their places.
    pictures = (by_hash.image_id, by_url.image_id, by_caption.image_id)
    kept = _rows("select image_id from lake.marts.pairs where image_id in (?, ?, ?)", *pictures)
    assert {row[0] for row in kept} == set(pictures[1:])


def _check_reasons(at_domain: str, on_pages: str) -> None:
    reasons: dict[str, bool] = dict(
        _rows(
            "select caption, coalesce(judged.drop_reason = 'takedown', false) "
            "from lake.intermediate.int_pairs_judged as judged "
            "inner join lake.intermediate.int_pairs_deduplicated using (pair_id) "
            "where image_url in (?, ?)",
            at_domain,
            on_pages,
        )
    )
    assert reasons == {ON_DOMAIN: True, ON_PAGES: False, ONLY_ON_PAGE: True}


def _check_tables(by_hash: Kept, by_url: Kept, by_caption: Kept) -> None:
    pictures = (by_hash.image_id, by_url.image_id, by_caption.image_id)
    for table in ("raw.images", "raw.image_pixels", "raw.downloads", "enriched.image_embeddings"):
        left = _rows(
            f"select distinct image_id from lake.{table} where image_id in (?, ?, ?)", *pictures
        )
        assert {row[0] for row in left} == set(pictures[1:]), table
    assert _rows("select sum(sightings)::bigint from lake.marts.filter_funnel") == _rows(
        "select sum(sightings)::bigint from lake.raw.crawl_files"
    )
