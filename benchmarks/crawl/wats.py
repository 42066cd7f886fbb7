"""Writes seeded WAT files in Common Crawl's format, with the truth about what is in them."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from benchmarks.crawl.hosts import pick
from benchmarks.crawl.pages import World, head
from pairlake.demo.wat_records import Records, write_listing

CRAWL_ID = "CC-BENCH-2026-47"
# A change of what a seed gives: files of an older version are written anew.
_VERSION = 1
_MALFORMED = 1 / 350
_NOT_HTML = 0.023
_NO_PAGES = ("application/pdf", "text/plain", "application/json", "image/png")


@dataclass(kw_only=True)
class FileTruth:
    """What one crawl file holds, counted while it is written.

    `records` are all metadata records, the `unreadable_records` (JSON that is malformed) among
    them; what follows leaves those out. `pages` are HTML pages, `images` IMG@/src links, `alts`
    those with non-empty alt, `peer_sightings` the rows of cc2dataset's rule, and `our_sightings`
    those of pairlake's after cleaning. A lax parser may accept records that are malformed.
    """

    path: str
    raw_bytes: int = 0
    gz_bytes: int = 0
    records: int = 0
    unreadable_records: int = 0
    pages: int = 0
    links: int = 0
    images: int = 0
    alts: int = 0
    peer_sightings: int = 0
    our_sightings: int = 0


def write_wats(folder: Path, files: int, megabytes: float, seed: int) -> list[FileTruth]:
    """Write `files` crawl files of `megabytes` each before compression, their listing and truth.

    Where truth.json tells of the same files already, nothing is written.
    """
    made = {"version": _VERSION, "files": files, "megabytes": megabytes, "seed": seed}
    truth_file = folder / "truth.json"
    if truth_file.exists():
        known = json.loads(truth_file.read_text())
        if known["made"] == made:
            return [FileTruth(**file) for file in known["files"]]
        truth_file.unlink()
    wats = f"crawl-data/{CRAWL_ID}/segments/1.00/wat"
    paths = [f"{wats}/{CRAWL_ID}-{number:05}.warc.wat.gz" for number in range(files)]
    (folder / wats).mkdir(parents=True, exist_ok=True)
    write = partial(_write_file, folder, megabytes=megabytes, seed=seed)
    with ProcessPoolExecutor(min(files, os.cpu_count() or 1)) as pool:
        truth = list(pool.map(write, paths))
    write_listing(folder, CRAWL_ID, paths)
    told = {"made": made, "files": [asdict(file) for file in truth]}
    truth_file.write_text(json.dumps(told, indent=1))
    return truth


def _write_file(folder: Path, path: str, *, megabytes: float, seed: int) -> FileTruth:
    rng = random.Random(f"{seed}/{path}")
    name = path.rpartition("/")[2]
    world, records, truth = World(seed), Records(name, rng), FileTruth(path=path)
    with (folder / path).open("wb") as file:
        file.write(records.warcinfo())
        while records.raw_bytes < megabytes * 1e6:
            file.writelines(_page_records(world, records, truth, rng))
        truth.raw_bytes, truth.gz_bytes = records.raw_bytes, file.tell()
    return truth


def _page_records(
    world: World, records: Records, truth: FileTruth, rng: random.Random
) -> Sequence[bytes]:
    """The three records of one more page; counts them into `truth`."""
    page = world.page(rng)
    truth.records += 3
    if rng.random() < _NOT_HTML:
        response = records.other_response(page.url, pick(rng, _NO_PAGES))
    elif rng.random() < _MALFORMED:
        broken = truth.unreadable_records
        response = records.response(page.url, head(page, rng), page.links, broken)
        truth.unreadable_records += 1
    else:
        response = records.response(page.url, head(page, rng), page.links)
        truth.pages += 1
        truth.links += len(page.links)
        truth.images += page.images
        truth.alts += page.alts
        truth.peer_sightings += page.peer_sightings
        truth.our_sightings += page.our_sightings
    return records.request(page.url), response, records.note(page.url)
