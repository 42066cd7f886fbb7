"""Prints the benchmark of search as Markdown: `python -m benchmarks.searching`."""

from __future__ import annotations

import argparse
import shutil
import statistics
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from typing import Any

import psutil

from benchmarks.harness.peers import peer_python, versions
from benchmarks.harness.processes import BUILD, ROOT
from benchmarks.harness.tables import heading, machine, note, table
from benchmarks.searching import runs, speeds, towers
from benchmarks.searching.runs import Building, Built
from benchmarks.searching.speeds import BY_HAND, DOCUMENTED, OURS, Speed
from benchmarks.searching.truths import FILTERS, NEAREST

TEN_MILLION = 10_000_000
# What ten million pairs take while they are built: the rows once more while files are merged.
DISK_GB, MEMORY_GB = 70, 8
_SECTIONS = (1, 2, 3, 4, 5)
_LIBRARIES = ("lancedb", "pylance", "faiss-cpu", "fastapi", "uvicorn")


class Benchmark:
    """The sections, each of which builds the indexes that it needs and that no other has built."""

    def __init__(self, *, quick: bool, reuse: bool) -> None:
        self._data = BUILD / "bench-search"
        self._python = peer_python("clip_retrieval")
        self._reuse = reuse
        self._curve = (60_000,) if quick else (100_000, 200_000, 1_000_000)
        self._sizes = self._curve[-2:]
        self._queries, self._seconds = (60, 1.0) if quick else (300, 8.0)
        self._texts = 20 if quick else 100
        self._rounds = 1 if quick else 3
        self._built = cache(self._build)

    def versions(self) -> None:
        """The machine, and who is at work."""
        peers = versions(self._python, *runs.PEER_VERSIONS)
        machine("Search, beside clip-retrieval and faiss", peers)
        print(f"- search: {', '.join(f'{name} {version(name)}' for name in _LIBRARIES)}")
        print(f"- vectors: 512 numbers of fp16, clustered; {self._queries} queries, not among them")

    def building(self) -> None:
        """1. How long indexes take to build, and how large they are."""
        heading("1. Building the index")
        rows = []
        for size in self._curve:
            built = self._built(size)
            rows.append(_building(f"pairlake, {size:,} pairs", built.ours))
            if built.peer is not None:
                rows.append(_building(f"clip-retrieval, {size:,} pairs", built.peer))
        table(
            ("index", "wall s", "of it rows", "CPU s", "peak MB", "vectors and facts MB",
             "indexes MB"),
            rows,
        )  # fmt: skip
        note(
            "Ours has pictures and captions, their words, and the columns that are indexed; "
            "clip-retrieval's the pictures, with the metadata beside it in Parquet."
        )

    def speed(self) -> None:
        """2. Recall, latency and throughput, beside the peer and faiss."""
        for size in self._sizes:
            heading(f"2. The {NEAREST} nearest of {size:,}, with their metadata")
            built = self._built(size)
            found = speeds.side_by_side(
                built, self._python, rounds=self._rounds, seconds=self._seconds
            )
            rows = [_speed(name, each) for name, each in found.items()]
            rows += [_floor(each) for each in speeds.floors(built)]
            table(
                ("search", "recall@10", f"recall@{NEAREST}", "p50 ms", "p95 ms",
                 f"requests/s, {speeds.CLIENTS} clients", "CPU s of 1,000"),
                rows,
            )  # fmt: skip
            note(_ratios(found))
            note("")
            self._kinds(built)

    def filters(self) -> None:
        """3. The same within filters."""
        for size in self._sizes:
            heading(f"3. With filters, {size:,} pairs")
            found = speeds.with_filters(self._built(size), self._rounds)
            whole = found["image"].alone.ms(50)
            table(
                ("filter", "recall@10", f"recall@{NEAREST}", "fewest results", "first ms", "p50 ms",
                 "p95 ms", "times no filter"),
                [
                    (name if name in FILTERS else "none",
                     *_shares(each.recall, each.recall_all), each.fewest, each.first_ms,
                     each.alone.ms(50), each.alone.ms(95), each.alone.ms(50) / whole)
                    for name, each in found.items()
                ],
            )  # fmt: skip
            note("The pictures of one domain are all of one kind, which is seldom the query's.")

    def memory(self) -> None:
        """4. Memory, and the time to the first answer."""
        size = self._sizes[-1]
        heading(f"4. Memory and start, {size:,} pairs, no model loaded")
        built = self._built(size)
        starts = {OURS: speeds.start_of_ours(built)}
        starts[DOCUMENTED] = speeds.start_of_peer(built, self._python)
        table(
            ("server", "PSS MB, pictures", "captions too", "and filters",
             "s to the first answer, files not in memory", "in memory"),
            [
                (name, round(each.pictures_mb), _whole(each.captions_mb), _whole(each.filters_mb),
                 each.cold_s, each.warm_s)
                for name, each in starts.items()
            ],
        )  # fmt: skip

    def words(self) -> None:
        """5. Searches by text, beside the text tower alone."""
        size = self._sizes[0]
        heading(f"5. Searches by text, {size:,} pairs")
        models = towers.models(self._data / "models")
        mini = self._data / "mini-home"
        runs.published(mini, size, towers.MINI_DIMENSIONS, towers.MINI)
        rows = []
        for home, name in ((mini, towers.MINI), (self._built(size).home, towers.RANDOM)):
            alone, searches = speeds.words(home, models, name, self._texts, self._rounds)
            tower = 1_000 * statistics.median(alone)
            rows.append((name, tower, searches.ms(50), searches.ms(50) / tower))
        table(("text tower", "tower p50 ms", "search p50 ms", "times the tower"), rows)

    def ten_million(self) -> None:
        """10. Ten million pairs, ours alone."""
        heading("10. Ten million pairs")
        disk = shutil.disk_usage(ROOT).free / 1e9
        memory = psutil.virtual_memory().available / 1e9
        if not self._reuse and (disk < DISK_GB or memory < MEMORY_GB):
            note(
                f"Not run: it takes {DISK_GB} GB of disk and {MEMORY_GB} GB of memory, and there "
                f"are {disk:.0f} and {memory:.0f} GB free."
            )
            return
        built = runs.built(self._data, TEN_MILLION, self._queries, None, reuse=self._reuse)
        table(("wall s", "of it rows", "CPU s", "peak MB", "vectors and facts MB", "indexes MB"),
              [_building("", built.ours)[1:]])  # fmt: skip
        note("")
        self._kinds(built)

    def _kinds(self, built: Built) -> None:
        """Our recall by the kind of the query's vector and of those that are searched."""
        names = {
            "image": "a picture, among pictures",
            "text": "a caption, among pictures",
            "caption": "a caption, among captions",
        }
        table(
            ("query", "recall@10", f"recall@{NEAREST}", "p50 ms", "p95 ms"),
            [
                (names[kind], *_shares(each.recall, each.recall_all), each.alone.ms(50),
                 each.alone.ms(95))
                for kind, each in speeds.of_kinds(built, self._rounds).items()
            ],
        )  # fmt: skip

    def _build(self, size: int) -> Built:
        return runs.built(self._data, size, self._queries, self._python, reuse=self._reuse)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the sections that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.searching", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few pairs, to see that it runs")
    parser.add_argument("--only", type=int, choices=(*_SECTIONS, 10), action="append")
    parser.add_argument(
        "--reuse", action="store_true", help="take the indexes that an earlier run has built"
    )
    asked = parser.parse_args(arguments)
    bench = Benchmark(quick=asked.quick, reuse=asked.reuse)
    bench.versions()
    sections = {
        1: bench.building, 2: bench.speed, 3: bench.filters, 4: bench.memory, 5: bench.words,
        10: bench.ten_million,
    }  # fmt: skip
    for number in asked.only or _SECTIONS:
        sections[number]()


def _building(name: str, took: Building) -> tuple[object, ...]:
    sizes = (round(took.peak_mb), round(took.vectors_mb), round(took.index_mb))
    return (name, took.wall_s, took.rows_s, took.cpu_s, *sizes)


def _speed(name: str, found: Speed) -> tuple[object, ...]:
    assert found.together is not None  # servers that stand side by side have one
    return (
        name,
        *_shares(found.recall, found.recall_all),
        found.alone.ms(50),
        found.alone.ms(95),
        found.together.per_s,
        found.together.cpu_s_of_1000,
    )


def _floor(found: dict[str, Any]) -> tuple[object, ...]:
    shares = _shares(found["recall"], found["recall_all"])
    return (found["name"], *shares, found["p50_ms"], found["p95_ms"], "-", found["cpu_s_of_1000"])


def _ratios(found: dict[str, Speed]) -> str:
    """Ours beside each of the others."""
    ours = found[OURS].together
    said = []
    for name in (DOCUMENTED, BY_HAND):
        theirs = found[name].together
        if ours is not None and theirs is not None:
            said.append(
                f"{ours.per_s / theirs.per_s:.1f} times the requests per second of {name}, for "
                f"{ours.cpu_s_of_1000 / theirs.cpu_s_of_1000:.2f} of its CPU time"
            )
    return f"pairlake: {'; '.join(said)}. By hand: metadata in Arrow, efSearch 64."


def _shares(*shares: float) -> list[str]:
    return [f"{share:.3f}" for share in shares]


def _whole(value: float | None) -> object:
    return "-" if value is None else round(value)


if __name__ == "__main__":
    main()
