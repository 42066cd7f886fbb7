"""Builds the demo's world in a folder: a miniature Common Crawl and the web it was taken from.

The folder holds crawl-data/ (served as Common Crawl serves it), images/, truth.parquet (what should
become of every pair; the pipeline never reads it) and, written last, world.json with its totals.
"""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq

from pairlake.demo import captions as caption_templates
from pairlake.demo import faults, pages, planting, scenes, wat, wat_records, wishes
from pairlake.demo import pictures as drawings
from pairlake.demo.planting import Planted, landed_caption
from pairlake.demo.wat import FileTotals

# Below this some kind of case would stand in the world fewer than two times.
SMALLEST = 40
_SEED = 20261122
_WAT_FILES = 3
_SOURCES = (caption_templates, drawings, faults, pages, planting, scenes, wat, wat_records, wishes)

TRUTH = pa.schema(
    [
        ("image_url", pa.string()),
        ("caption", pa.string()),
        ("language", pa.string()),
        ("split", pa.string()),
        ("kind", pa.string()),
        ("expected_drop_reason", pa.string()),
        ("sightings", pa.int64()),
        ("picture", pa.string()),
        ("image_sha256", pa.string()),
    ]
)


@dataclass(frozen=True, kw_only=True)
class World:
    """A world that stands in `folder` and is to be served at `base_url`.

    `files` counts each crawl file. `totals` sums them up; its `pairs` are distinct over all files.
    """

    folder: Path
    base_url: str
    files: Sequence[FileTotals]
    totals: Mapping[str, int]

    def truth(self) -> pa.Table:
        """One row per (image_url, caption) that should land, with the columns of TRUTH.

        `split` is en, multi or nolang. `expected_drop_reason` is null for a pair to keep and leaves
        duplicates aside: they are the rows that share image_url, or image_sha256 (of the bytes that
        arrive, null where no good image does).
        """
        return pq.read_table(self.folder / "truth.parquet")


def build_world(
    folder: Path, base_url: str, pictures: int | None, *, wrong_per_right: float = 0.0
) -> World:
    """The world of OpenMoji drawings with every fault planted; a no-op where it stands already.

    `base_url` is where demo/web.py will serve it, such as http://127.0.0.1:8917/. `pictures` is how
    many drawings take part, None for all; ValueError if it is below SMALLEST or above that.
    `wrong_per_right` wrong captions more stand beside each pair to keep, on the same images. The
    same arguments give the same bytes.
    """
    catalogue = drawings.pictures()
    count = len(catalogue) if pictures is None else pictures
    if not SMALLEST <= count <= len(catalogue):
        raise ValueError(f"A world has {SMALLEST} to {len(catalogue)} pictures, not {count}.")
    chosen = [catalogue[index * len(catalogue) // count] for index in range(count)]

    def planter(rng: random.Random) -> list[Planted]:
        originals = planting.plant(chosen, folder, _rooted(base_url), rng)
        # Numbers of their own, so that the images stay as they are.
        wrong, wishing = random.Random(_SEED), random.Random(_SEED)
        planted = planting.with_wrong_captions(originals, chosen, wrong_per_right, wrong)
        return list(wishes.with_wishes(planted, chosen, folder, _rooted(base_url), wishing))

    what = f"openmoji {count}" + (f" {wrong_per_right} wrong" if wrong_per_right else "")
    return _built(folder, _rooted(base_url), what, planter)


def world_from_folder(
    pictures_folder: Path, captions_json: Path, out_folder: Path, base_url: str
) -> World:
    """The same web for a folder of real pictures with captions; nothing is planted in it.

    `captions_json` is a list of [path below `pictures_folder`, {locale: caption}]. Raises
    FileNotFoundError with the path where a picture is missing.
    """
    listed: list[tuple[str, dict[str, str]]] = json.loads(captions_json.read_text())
    digest = hashlib.sha256(captions_json.read_bytes()).hexdigest()

    def planter(rng: random.Random) -> list[Planted]:
        return [
            planted
            for name, captions in listed
            for planted in _folder_pairs(
                pictures_folder, name, captions, out_folder, _rooted(base_url)
            )
        ]

    return _built(out_folder, _rooted(base_url), f"folder {digest}", planter)


def _built(
    folder: Path, base_url: str, what: str, planter: Callable[[random.Random], list[Planted]]
) -> World:
    fingerprint = _fingerprint(base_url, what)
    standing = _standing(folder, fingerprint)
    if standing is not None:
        return standing
    _clear(folder)
    rng = random.Random(_SEED)
    planted = planter(rng)
    files = wat.write_crawl(folder, pages.lay_out(planted, base_url, rng), _WAT_FILES, rng)
    truth = _truth(planted)
    pq.write_table(truth, folder / "truth.parquet")
    totals = {
        name: sum(getattr(file, name) for file in files)
        for name in ("records", "unreadable_records", "links", "images", "sightings", "bytes")
    }
    totals["pairs"] = truth.num_rows
    facts = {
        "fingerprint": fingerprint,
        "base_url": base_url,
        "crawl_id": wat.CRAWL_ID,
        "totals": totals,
        "files": [asdict(file) for file in files],
    }
    # The marker: a folder without it, or with another's, is built anew.
    partial = folder / "world.json.partial"
    partial.write_text(json.dumps(facts, indent=1) + "\n")
    partial.replace(folder / "world.json")
    return World(folder=folder, base_url=base_url, files=files, totals=totals)


def _standing(folder: Path, fingerprint: str) -> World | None:
    marker = folder / "world.json"
    if not marker.is_file():
        return None
    facts = json.loads(marker.read_text())
    if facts["fingerprint"] != fingerprint:
        return None
    files = [FileTotals(**file) for file in facts["files"]]
    return World(folder=folder, base_url=facts["base_url"], files=files, totals=facts["totals"])


def _fingerprint(base_url: str, what: str) -> str:
    """A digest of all that a world depends on, the code that makes it among it."""
    digest = hashlib.sha256(f"{base_url} {what}".encode())
    for module in (Path(__file__), *(Path(str(source.__file__)) for source in _SOURCES)):
        digest.update(module.read_bytes())
    return digest.hexdigest()


def _clear(folder: Path) -> None:
    (folder / "world.json").unlink(missing_ok=True)
    (folder / "truth.parquet").unlink(missing_ok=True)
    for name in ("images", "crawl-data"):
        shutil.rmtree(folder / name, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)


def _truth(planted: Sequence[Planted]) -> pa.Table:
    rows: dict[tuple[str, str], dict[str, object]] = {}
    for pair in planted:
        key = (pair.image_url, landed_caption(pair.caption))
        row = rows.setdefault(
            key,
            {
                "image_url": key[0],
                "caption": key[1],
                "language": pair.language,
                "split": _split(pair.language),
                "kind": pair.kind,
                "expected_drop_reason": pair.drop_reason,
                "sightings": 0,
                "picture": pair.picture,
                "image_sha256": pair.image_sha256,
            },
        )
        if row["kind"] != pair.kind:
            raise ValueError(f"{key} is planted as {row['kind']} and as {pair.kind}.")
        row["sightings"] = int(str(row["sightings"])) + pair.sightings
    return pa.Table.from_pylist([rows[key] for key in sorted(rows)], schema=TRUTH)


def _split(language: str) -> str:
    # A folder's captions have locales: en_GB and en_AU are English too.
    return {"en": "en", "none": "nolang"}.get(language.split("_")[0], "multi")


def _folder_pairs(
    pictures_folder: Path, name: str, captions: Mapping[str, str], out_folder: Path, base_url: str
) -> list[Planted]:
    source, target = pictures_folder / name, out_folder / "images" / name
    target.parent.mkdir(parents=True, exist_ok=True)
    payload = source.read_bytes()
    target.write_bytes(payload)
    reason = None
    if source.suffix == ".svg":
        reason = "download_unsupported_format"
    elif len(payload) < scenes.SMALLEST_PASSING_BYTES:
        reason = "image_too_small"
    return [
        Planted(
            image_url=f"{base_url}images/{quote(name)}",
            caption=text,
            language=locale,
            page_language=locale,
            kind="right",
            drop_reason="caption_too_short" if len(landed_caption(text)) < 5 else reason,
            picture=name,
            image_sha256=None if source.suffix == ".svg" else hashlib.sha256(payload).hexdigest(),
            sightings=1,
        )
        for locale, text in captions.items()
        if landed_caption(text)
    ]


def _rooted(base_url: str) -> str:
    return base_url.rstrip("/") + "/"
