"""What it takes to export a large lake, in every format: `make bench-export`.

clip-retrieval then indexes what was exported of the first one, in an environment of its own.
"""

from __future__ import annotations

import argparse
import io
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image

from benchmarks.harness.peers import peer_python, versions
from benchmarks.harness.processes import (
    ROOT,
    Use,
    clean_environment,
    cleanly,
    measured,
    module,
)
from benchmarks.harness.tables import heading, machine, note, table
from benchmarks.searching.runs import PEER_VERSIONS
from pairlake.lake.append import append
from pairlake.lake.catalog import writing
from pairlake.lake.keys import text_ids
from pairlake.lake.vectors import to_blobs

_SIZES = (250_000, 1_000_000)
# A picture for every fiftieth pair at most: they take the disk.
_PAIRS_PER_PICTURE = 50
_MOST_PICTURES = 20_000
_PICTURES_AT_ONCE = 1_000
_VECTORS_AT_ONCE = 50_000
_DIMENSIONS = 192
_MODEL = "mini_clip"
# About what a photograph of a short side of 384 pixels takes at a quality of 95.
_JPEG_SIDE = 200
_JPEGS = 64

# Keys, addresses, captions and scores as long and as unlike one another as real ones.
_PAIRS = """
create table lake.marts.pairs as
select
    md5(n::varchar)::uuid as pair_id,
    md5('url' || n)::uuid as url_id,
    md5('caption' || n)::uuid as caption_id,
    md5('image' || n)::uuid as image_id,
    (hash(n, 'sample') // 2)::bigint as sample_id,
    (hash(n, 'hash') // 2)::bigint as hash,
    format('https://img{}.host{}.example/a/path/to/{}.jpg', n % 20000, n % 5000, md5('p' || n))
        as image_url,
    'host' || n % 5000 || '.example' as domain,
    'a caption of some length about thing number ' || hash(n) as caption,
    if(n % 5 < 2, 'en', 'de') as language,
    if(n % 5 < 2, 'en', 'multi') as split,
    (hash(n, 'w') % 1000 + 200)::integer as width,
    (hash(n, 'h') % 1000 + 200)::integer as height,
    md5('bytes' || n)::uuid as md5,
    sha256('bytes' || n)::blob as sha256,
    (0.26 + hash(n, 's') % 10000 / 80000)::float as similarity,
    'similarity-1' as similarity_model_id,
    (hash(n, 'u') % 10000 / 10000)::float as punsafe,
    (hash(n, 'm') % 10000 / 10000)::float as pwatermark,
    null::float as aesthetic_score,
    null::float as pinappropriate,
    null::float as toxicity,
    'https://page.example/' || n // 20 as page_url,
    null::varchar as license_url,
    null::varchar as source_id
from range(?) as numbers (n)
"""
_AROUND = (
    "create table lake.intermediate.int_selected_recipe as select 'demo' as recipe",
    "create table lake.intermediate.int_pairs_judged "
    "(pair_id uuid, is_taken_down boolean, is_domain_blocked boolean)",
    "create table lake.intermediate.int_pairs_on_pages_taken_down "
    "(pair_id uuid, is_seen_elsewhere boolean, page_url varchar, license_url varchar)",
    f"create table lake.seeds.similarity_models as select '{_MODEL}' as similarity_model, "
    f"'{_MODEL}' as image_encoder, '{_MODEL}' as caption_encoder",
    "create table lake.seeds.image_heads (head varchar, image_encoder varchar)",
    f"create table lake.intermediate.int_recipe_models as select kind, '{_MODEL}' as name, "
    "kind || '-1' as model_id "
    "from (values ('similarity'), ('image_encoder'), ('caption_encoder')) as kinds (kind)",
    "create view lake.staging.stg_enriched__image_embeddings as "
    "select * from lake.enriched.image_embeddings",
    "create view lake.staging.stg_enriched__caption_embeddings as "
    "select * from lake.enriched.caption_embeddings",
)
_EXPORTS: dict[str, tuple[str, ...]] = {
    "one pair": ("one.csv", "--limit", "1"),
    "Parquet": ("pairs.parquet",),
    "CSV": ("pairs.csv",),
    "JSONL": ("pairs.jsonl",),
    "a tenth, by a filter": ("filtered.parquet", "--where", "punsafe < 0.1"),
    "a tenth, by SQL": (
        "asked.parquet", "--sql", "select pair_id from pairs where hash(pair_id) % 10 = 0",
    ),
    "the best 1,000 of a search": (
        "found.parquet", "--search", "a red apple", "--limit", "1000",
    ),
    "release": ("release", "--format", "release"),
    "joined": ("joined", "--format", "joined"),
    "DataComp": ("uids.npy",),
    "WebDataset": ("shards", "--format", "webdataset"),
    "embeddings": ("vectors", "--format", "embeddings"),
}  # fmt: skip
_COLUMNS = ("export", "rows", "MB", "wall s", "CPU s", "peak MB", "peak MB of the lake of before")


def main(arguments: Sequence[str] | None = None) -> None:
    """Export synthetic lakes of several sizes, and print how memory and time grow."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.exports", description=__doc__)
    parser.add_argument(
        "--pairs", type=int, nargs="+", default=_SIZES, help="how many pairs the lakes have"
    )
    sizes = parser.parse_args(arguments).pairs
    python = peer_python("clip_retrieval")
    machine("Exports", versions(python, *PEER_VERSIONS))
    before: dict[str, Use] = {}
    for pairs in sizes:
        with tempfile.TemporaryDirectory(prefix="bench-export-") as folder:
            found = _measure(Path(folder), pairs, before)
            if not before:
                _index(Path(folder), pairs, python)
            before = found
    note(
        "Each is a process of its own, `pairlake export`, of which `one pair` is the start; peak "
        "MB are of memory that it shares with none. Without PAIRLAKE_MEMORY_LIMIT an export takes "
        "2 GB for DuckDB at most."
    )


def _measure(folder: Path, pairs: int, before: dict[str, Use]) -> dict[str, Use]:
    pictures = min(pairs // _PAIRS_PER_PICTURE, _MOST_PICTURES)
    with cleanly(PAIRLAKE_HOME=str(folder / "lake")):
        _fill(pairs, pictures)
    environment = clean_environment(
        PAIRLAKE_HOME=str(folder / "lake"), PAIRLAKE_MODELS=str(ROOT / "demo")
    )
    heading(f"{pairs:,} pairs, {pictures:,} with pictures")
    uses, rows = {}, []
    for name, (destination, *options) in _EXPORTS.items():
        path = folder / destination
        use = measured(module("pairlake", "export", path, *options), folder, environment)
        uses[name] = use
        written = re.search(r": ([\d,]+) pairs", use.output)
        earlier = f"{before[name].peak_mb:,.0f}" if name in before else "-"
        count, peak = written[1] if written else "?", f"{use.peak_mb:,.0f}"
        rows.append((name, count, _bytes(path) / 1e6, use.wall_s, use.cpu_s, peak, earlier))
    table(_COLUMNS, rows)
    return uses


def _index(folder: Path, pairs: int, python: Path) -> None:
    """clip-retrieval's own `index` of the exported embeddings, and what it finds in it."""
    heading(f"clip-retrieval index, {pairs:,} pairs")
    script = ROOT / "benchmarks" / "searching" / "peer_exported.py"
    command = [str(python), str(script), str(folder / "vectors"), str(folder / "index")]
    use = measured(command, folder, clean_environment())
    found = use.told
    table(
        ("index", "rows", "vectors asked for", "found among the nearest 10"),
        [(kind, *counts) for kind, counts in found.items()],
    )
    note(f"Both were built and asked in {use.wall_s:.0f} s, with {use.peak_mb:,.0f} MB.")


def _fill(pairs: int, pictures: int) -> None:
    """A lake with so many kept pairs, all with vectors, and pixels of the first ones."""
    with writing() as con:
        for schema in ("marts", "intermediate", "seeds", "staging"):
            con.execute(f"create schema lake.{schema}")
        con.execute(_PAIRS, [pairs])
        for statement in _AROUND:
            con.execute(statement)
    random = np.random.default_rng(0)
    for start in range(0, pairs, _VECTORS_AT_ONCE):
        count = min(_VECTORS_AT_ONCE, pairs - start)
        for kind in ("image", "caption"):
            vectors = random.standard_normal((count, _DIMENSIONS), np.float32)
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            _land(f"enriched.{kind}_embeddings", kind, start, count, embedding=to_blobs(vectors))
    jpegs = [_jpeg(random) for _ in range(_JPEGS)]
    for start in range(0, pictures, _PICTURES_AT_ONCE):
        count = min(_PICTURES_AT_ONCE, pictures - start)
        pixels = [jpegs[(start + n) % _JPEGS] for n in range(count)]
        _land("raw.image_pixels", "image", start, count, pixels=pa.array(pixels, pa.binary()))


def _land(name: str, kind: str, start: int, count: int, **columns: pa.Array) -> None:
    keys = text_ids(f"{kind}{start + n}" for n in range(count))
    if "embedding" in columns:
        same = {"model_id": f"{kind}_encoder-1", "outcome": "ok"}
        columns |= {key: pa.array([value] * count) for key, value in same.items()}
    append({name: pa.table({f"{kind}_id": keys, **columns})})


def _jpeg(random: np.random.Generator) -> bytes:
    """A picture of noise, which takes more bytes than one of its size would."""
    file = io.BytesIO()
    noise = random.integers(0, 256, (_JPEG_SIDE // 2, _JPEG_SIDE // 2, 3), np.uint8)
    image = Image.fromarray(noise).resize((_JPEG_SIDE, _JPEG_SIDE))
    image.save(file, "JPEG", quality=95, subsampling=0)
    return file.getvalue()


def _bytes(path: Path) -> int:
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size


if __name__ == "__main__":
    main()
