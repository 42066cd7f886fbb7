"""Builds the indexes of a world, ours and clip-retrieval's, and keeps what that took."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.harness.processes import Use, clean_environment, fresh, measured, module
from benchmarks.searching.files import files
from benchmarks.searching.towers import RANDOM
from benchmarks.searching.truths import Truth, truth
from benchmarks.searching.worlds import DIMENSIONS

PEER_VERSIONS = ("clip-retrieval", "autofaiss", "faiss-cpu", "flask", "torch")
_CORES = os.cpu_count() or 1


@dataclass(frozen=True, kw_only=True)
class Building:
    """What it took to build an index: seconds, peak memory of the process, size on disk.

    Of ours, `rows_s` went into writing the rows with their vectors, the rest into the indexes.
    """

    wall_s: float
    cpu_s: float
    peak_mb: float
    vectors_mb: float
    index_mb: float
    rows_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Built:
    """The indexes of one world on disk; `peer` is None where clip-retrieval was not asked."""

    rows: int
    home: Path
    files: Path
    truth: Truth
    ours: Building
    peer: Building | None


def built(data: Path, rows: int, queries: int, python: Path | None, *, reuse: bool) -> Built:
    """The indexes of the first `rows` pairs, anew unless those of an earlier run may be taken."""
    folder = data / f"{rows}"
    kept = folder / "built.json"
    if not (reuse and kept.exists()):
        fresh(folder)
        ours = published(folder / "home", rows, DIMENSIONS, RANDOM)
        peer = None if python is None else _of_peer(folder / "files", rows, python)
        told = {"ours": asdict(ours), "peer": None if peer is None else asdict(peer)}
        kept.write_text(json.dumps(told))
    told = json.loads(kept.read_text())
    return Built(
        rows=rows,
        home=folder / "home",
        files=folder / "files",
        truth=truth(folder / f"truth-{queries}.npz", rows, queries),
        ours=Building(**told["ours"]),
        peer=None if told["peer"] is None else Building(**told["peer"]),
    )


def published(home: Path, rows: int, dimensions: int, encoder: str) -> Building:
    """Our index of a world: both sides, full text, and the columns that are indexed."""
    fresh(home)
    command = module("benchmarks.searching.published", home, rows, dimensions, encoder)
    use = measured(command, home, clean_environment(PAIRLAKE_HOME=str(home)))
    told = use.told
    table = home / "search" / "pairs.lance"
    indexes = table / "_indices"
    return Building(
        wall_s=told["rows_s"] + told["indexes_s"],
        cpu_s=told["rows_cpu_s"] + told["indexes_cpu_s"],
        peak_mb=use.peak_mb,
        vectors_mb=_size_mb(table) - _size_mb(indexes),
        index_mb=_size_mb(indexes),
        rows_s=told["rows_s"],
    )


def _of_peer(folder: Path, rows: int, python: Path) -> Building:
    files(folder, rows)
    script = str(Path(__file__).with_name("peer_index.py"))
    index = folder / "parquet" / "image.index"
    command = [str(python), script, str(folder / "img_emb"), str(index), str(_CORES)]
    use: Use = measured(command, folder, clean_environment())
    (folder / "arrow" / "image.index").symlink_to(index)
    return Building(
        wall_s=use.wall_s,
        cpu_s=use.cpu_s,
        peak_mb=use.peak_mb,
        vectors_mb=_size_mb(folder / "img_emb"),
        index_mb=index.stat().st_size / 1e6,
    )


def _size_mb(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
