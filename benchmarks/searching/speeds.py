"""Measures servers beside each other: how near to exact, how quick, with one client and eight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from benchmarks.harness.processes import answer, module
from benchmarks.searching import servers, towers
from benchmarks.searching.clients import (
    Load,
    Request,
    answers,
    filtered,
    first_answer_s,
    knn,
    load,
)
from benchmarks.searching.runs import Built
from benchmarks.searching.servers import Server
from benchmarks.searching.truths import FILTERS, NEAREST, recall

CLIENTS = 8
DOCUMENTED, BY_HAND = "clip-retrieval, as documented", "clip-retrieval, tuned by hand"
OURS = "pairlake serve"


@dataclass(frozen=True, kw_only=True)
class Speed:
    """What one server did: shares of the 10 and of all nearest that it found, and its loads.

    `first_ms` is the time of the very first request of its kind, and 0 where that was not taken.
    """

    recall: float
    recall_all: float
    fewest: int
    alone: Load
    together: Load | None = None
    first_ms: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Start:
    """A server's first answer after a start, with the files out of memory and in it, and its PSS
    after queries for pictures, then for captions too (ours), then with filters too."""

    cold_s: float
    warm_s: float
    pictures_mb: float
    captions_mb: float | None = None
    filters_mb: float | None = None


def side_by_side(
    built: Built, python: Path | None, *, rounds: int, seconds: float
) -> dict[str, Speed]:
    """The servers on one world by turns, each asked for the nearest pictures of pictures."""
    with ExitStack() as stack:
        running = {OURS: stack.enter_context(servers.ours(built.home, built.home / "log.txt"))}
        if python is not None:
            for name, metadata, ef in ((DOCUMENTED, "parquet", None), (BY_HAND, "arrow", 64)):
                folder = built.files / metadata
                log = built.files / f"{metadata}.txt"
                running[name] = stack.enter_context(
                    servers.peers(python, folder, log, metadata=metadata, ef=ef)
                )
        return _by_turns(running, built, rounds, seconds)


def of_kinds(built: Built, rounds: int) -> dict[str, Speed]:
    """Our server, asked by vectors of pictures and of captions on either side."""
    known = built.truth
    requests = {
        "image": knn(known.pictures),
        "text": knn(known.captions),
        "caption": knn(known.captions, "text"),
    }
    return _of_ours(built, requests, rounds)


def with_filters(built: Built, rounds: int) -> dict[str, Speed]:
    """Our server's own search without a filter, as `image`, and with each."""
    pictures = built.truth.pictures
    requests = {"image": filtered(pictures)}
    requests |= {name: filtered(pictures, name) for name in FILTERS}
    return _of_ours(built, requests, rounds)


def start_of_ours(built: Built) -> Start:
    """Cold and warm starts of ours, and its memory."""
    known, log = built.truth, built.home / "log.txt"
    pictures, captions = knn(known.pictures), knn(known.captions, "text")
    servers.forget(built.home)
    with servers.ours(built.home, log) as server:
        cold_s = first_answer_s(server, pictures[0])
        load(server, pictures, clients=CLIENTS, seconds=None)
        pictures_mb = server.memory_mb()
        load(server, captions, clients=CLIENTS, seconds=None)
        captions_mb = server.memory_mb()
        for name in FILTERS:
            load(server, filtered(known.pictures, name), clients=CLIENTS, seconds=None)
        filters_mb = server.memory_mb()
    with servers.ours(built.home, log) as server:
        warm_s = first_answer_s(server, pictures[0])
    return Start(
        cold_s=cold_s,
        warm_s=warm_s,
        pictures_mb=pictures_mb,
        captions_mb=captions_mb,
        filters_mb=filters_mb,
    )


def start_of_peer(built: Built, python: Path) -> Start:
    """The same of clip-retrieval as documented, with its one index and a model of no size."""
    requests, folder = knn(built.truth.pictures), built.files / "parquet"
    log = built.files / "parquet.txt"
    servers.forget(folder)
    with servers.peers(python, folder, log, metadata="parquet") as server:
        cold_s = first_answer_s(server, requests[0])
        load(server, requests, clients=CLIENTS, seconds=None)
        pictures_mb = server.memory_mb()
    with servers.peers(python, folder, log, metadata="parquet") as server:
        warm_s = first_answer_s(server, requests[0])
    return Start(cold_s=cold_s, warm_s=warm_s, pictures_mb=pictures_mb)


def words(
    home: Path, models: Path, encoder: str, count: int, rounds: int
) -> tuple[list[float], Load]:
    """Seconds of the text tower alone, and of whole searches for the same texts, by turns."""
    alone: list[float] = []
    searches: list[Load] = []
    texts = towers.texts(towers.WARM + count)
    requests = [
        Request(path="/api/search?" + urlencode({"q": text, "fold": "none", "limit": NEAREST}))
        for text in texts
    ]
    with servers.ours(home, home / "log.txt", models=models) as server:
        load(server, requests[: towers.WARM], clients=1, seconds=None)
        for _ in range(rounds):
            alone += _tower(models, encoder, count)
            searches.append(load(server, requests[towers.WARM :], clients=1, seconds=None))
    return alone, _merged(searches)


def floors(built: Built) -> list[dict[str, Any]]:
    """faiss in a process of its own."""
    queries = len(built.truth.pictures)
    file = built.files.parent / f"truth-{queries}.npz"
    command = module("benchmarks.searching.floors", built.files, file, built.rows, queries)
    found: list[dict[str, Any]] = answer(command)["rows"]
    return found


def _tower(models: Path, encoder: str, count: int) -> list[float]:
    command = module("benchmarks.searching.towers", models, encoder, count)
    found: list[float] = answer(command)["seconds"]
    return found


def _by_turns(
    running: Mapping[str, Server], built: Built, rounds: int, seconds: float
) -> dict[str, Speed]:
    requests, true = knn(built.truth.pictures), built.truth.nearest["image"]
    found = {name: answers(server, requests) for name, server in running.items()}
    alone: dict[str, list[Load]] = {name: [] for name in running}
    together: dict[str, list[Load]] = {name: [] for name in running}
    for _ in range(rounds):
        for name, server in running.items():
            alone[name].append(load(server, requests[:100], clients=1, seconds=None))
            together[name].append(load(server, requests, clients=CLIENTS, seconds=seconds))
    return {
        name: Speed(
            recall=recall(found[name], true, 10),
            recall_all=recall(found[name], true, NEAREST),
            fewest=min(map(len, found[name])),
            alone=_merged(alone[name]),
            together=_merged(together[name]),
        )
        for name in running
    }


def _of_ours(
    built: Built, requests: Mapping[str, Sequence[Request]], rounds: int
) -> dict[str, Speed]:
    with servers.ours(built.home, built.home / "log.txt") as server:
        # Whatever is asked first meets a server that has read nothing.
        answers(server, knn(built.truth.captions[-1:]))
        first = {
            name: load(server, asked[:1], clients=1, seconds=None)
            for name, asked in requests.items()
        }
        found = {name: answers(server, asked) for name, asked in requests.items()}
        alone: dict[str, list[Load]] = {name: [] for name in requests}
        for _ in range(rounds):
            for name, asked in requests.items():
                alone[name].append(load(server, asked[:100], clients=1, seconds=None))
    return {
        name: Speed(
            recall=recall(found[name], built.truth.nearest[name], 10),
            recall_all=recall(found[name], built.truth.nearest[name], NEAREST),
            fewest=min(map(len, found[name])),
            alone=_merged(alone[name]),
            first_ms=first[name].ms(50),
        )
        for name in requests
    }


def _merged(loads: Sequence[Load]) -> Load:
    return Load(
        seconds=[second for each in loads for second in each.seconds],
        wall_s=sum(each.wall_s for each in loads),
        cpu_s=sum(each.cpu_s for each in loads),
    )
