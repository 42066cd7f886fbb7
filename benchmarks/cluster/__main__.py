"""What several processes, machines and writers cost and bring: `python -m benchmarks.cluster`.

The demo's pipeline on each setup, two processes of a Ray cluster beside one, and a build's buckets
by a cluster beside one process.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import cycle, islice
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pyarrow as pa

from benchmarks.dataset.runs import Run, lake
from benchmarks.harness.processes import (
    BUILD,
    CommandFailed,
    Use,
    answer,
    clean_environment,
    free_port,
    measured,
    module,
)
from benchmarks.harness.stores import BUCKET, PROGRAMS, S3, postgres
from benchmarks.harness.tables import heading, machine, note, table
from pairlake.demo.stage import environment
from pairlake.demo.wat import CRAWL_ID
from pairlake.demo.web import base_url, serving
from pairlake.demo.world import build_world

PICTURES = 240
RUNS = 3
# The jobs that are bound by processors, and how many pictures each of two processes is given.
JOBS = {"image_hashes": ("phash", 12_288), "image_embeddings": ("mini_clip", 2_048)}
BATCH = 256
# The pairs of a build, the memory of each process, and what a row is said to take, so that models
# are made at once or in several buckets.
PAIRS, LIMIT = 1_000_000, "1GB"
AT_ONCE, IN_BUCKETS = ("--vars", "bucket_bytes: 1"), ("--vars", "bucket_bytes: 1500")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print both tables, or what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster", description=__doc__)
    parser.add_argument("--only", choices=("demo", "workers", "build"), help="one table")
    parser.add_argument("--child", nargs=2, help="a job and a number of processes; prints JSON")
    asked = parser.parse_args(arguments)
    if asked.child:
        job, workers = asked.child
        print(json.dumps(_rate(job, int(workers))))
        return
    machine("One machine and several", {})
    for name, print_table in (("demo", _demo), ("workers", _workers), ("build", _build)):
        if asked.only in (None, name):
            print_table()


def _setups(stack: ExitStack) -> dict[str, Callable[[int], Mapping[str, str]]]:
    """The settings of each setup, for each of its runs; the others are held against the first."""
    setups: dict[str, Callable[[int], Mapping[str, str]]] = {
        "SQLite": lambda run: {},
        "Ray, SQLite": lambda run: {"PAIRLAKE_ENGINE": "ray"},
    }
    if PROGRAMS:
        server = stack.enter_context(postgres())
        setups["Postgres"] = lambda run: {"PAIRLAKE_CATALOG": server.made(f"run_{run}")}
    else:
        note("There is no Postgres in /usr/lib/postgresql, and so no line for it.")
    store = stack.enter_context(S3())
    setups["SQLite, files in S3"] = lambda run: {
        **store.variables,
        "PAIRLAKE_DATA": f"s3://{BUCKET}/{run}",
    }
    return setups


def _demo() -> None:
    heading(f"The demo's pipeline, of {PICTURES} drawings: `pairlake run`")
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        folder, port = Path(scratch), free_port()
        build_world(folder / "world", base_url(port), PICTURES)
        root = stack.enter_context(serving(folder / "world", port))
        setups = _setups(stack)
        uses: dict[str, list[Use]] = {name: [] for name in setups}
        for run in range(RUNS):
            for name, setup in setups.items():
                uses[name].append(_use(folder / "lake", root, setup(run)))
    best = {name: min(each, key=lambda use: use.wall_s) for name, each in uses.items()}
    first = best[next(iter(best))]
    table(
        ("setup", "wall s", "x", "CPU s", "x", "peak MB"),
        [
            (
                name,
                *(use.wall_s, use.wall_s / first.wall_s),
                *(use.sampled_cpu_s, use.sampled_cpu_s / first.sampled_cpu_s),
                round(use.peak_mb),
            )
            for name, use in best.items()
        ],
    )
    note(
        f"The quickest of {RUNS} runs each, by turns. CPU is of all processes of the command, with "
        "Ray's, but not of Postgres and S3, which run beside it on the same processors."
    )


def _use(home: Path, root: str, setup: Mapping[str, str]) -> Use:
    with patch.dict(os.environ, clean_environment(), clear=True):
        settings = environment(None)
    settings |= {"PAIRLAKE_HOME": str(home), "PAIRLAKE_CRAWL_ROOT": root, **setup}
    home.mkdir()
    command = [sys.executable, "-m", "pairlake", "run", "--crawl", CRAWL_ID, "--files", "all"]
    use = measured(command, home, clean_environment(**settings))
    shutil.rmtree(home)
    return use


def _workers() -> None:
    heading("Two processes of a Ray cluster beside one")
    rows = []
    for job in JOBS:
        rates: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(RUNS):
            for workers, found in rates.items():
                found.append(answer(module("benchmarks.cluster", "--child", job, workers))["rate"])
        one, two = max(rates[1]), max(rates[2])
        rows.append((job, one, two, two / one))
    table(("job", "pictures/s by one", "by two", "x"), rows)
    note(f"The best of {RUNS} runs each, by turns; models are loaded before the clock starts.")


def _build() -> None:
    heading(f"The models that are made in buckets, of {PAIRS:,} pairs: `dbt run --full-refresh`")
    BUILD.mkdir(exist_ok=True)
    with lake(BUILD, LIMIT) as subject:
        subject.run("land", PAIRS)
        subject.run("run")
        models = _in_buckets(subject.home)
        anew = ("run", "--full-refresh", "--select", *models)
        runs: dict[str, Run] = {
            "one process, at once": subject.run(*anew, *AT_ONCE),
            "one process, in buckets": subject.run(*anew, *IN_BUCKETS),
            "Ray": subject.run(*anew, *IN_BUCKETS, PAIRLAKE_ENGINE="ray"),
        }
    one, ray = runs["one process, in buckets"], runs["Ray"]
    table(
        ("by", "models s", "x", "CPU s", "x"),
        [
            (
                name,
                *(run.wall_s, run.wall_s / one.wall_s),
                *(run.tree_cpu_s, run.tree_cpu_s / one.tree_cpu_s),
            )
            for name, run in runs.items()
        ],
    )
    more_s = (ray.wall_s - one.wall_s) / ray.buckets
    more_cpu_s = (ray.tree_cpu_s - one.tree_cpu_s) / ray.buckets
    note(
        f"{len(models)} models in {ray.buckets} buckets. Ray takes {more_s:.1f} s and "
        f"{more_cpu_s:.1f} CPU s more for each, its start among them. CPU is of all processes, "
        "with dbt's start."
    )


def _in_buckets(home: Path) -> list[str]:
    manifest = json.loads((home / "dbt" / "target" / "manifest.json").read_text())
    return [node["name"] for node in manifest["nodes"].values() if node["config"].get("buckets_by")]


def _rate(name: str, workers: int) -> dict[str, float]:
    """Pictures a second of one job in so many processes, which have loaded their model."""
    import ray

    from pairlake.lake import cluster
    from pairlake.udfs.jobs import find
    from pairlake.udfs.parts import Parts

    os.environ |= {"PAIRLAKE_MODELS": str(Path("demo").absolute()), "PAIRLAKE_DEVICE": "cpu"}
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    ray.init(
        num_cpus=workers,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="error",
        runtime_env={"env_vars": cluster._environment()},
    )
    job = find(name)
    model_name, pictures = JOBS[name]
    model = job.identify(model_name)
    parts, batch = Parts(job), _batch()
    warm = workers * BATCH
    for count in (warm, warm, pictures * workers):
        started = time.perf_counter()
        made = sum(rows.num_rows for rows in parts.rows(name, model, _batches(batch, count), count))
        seconds = time.perf_counter() - started
        if made != count:
            raise CommandFailed(f"{name}: {made} rows came of {count}")
    ray.shutdown()
    return {"rate": count / seconds}


def _batch() -> pa.RecordBatch:
    """Drawings as JPEGs of the size at which pictures are kept."""
    import simplejpeg

    from pairlake.demo.pictures import pictures, render

    drawn = [
        simplejpeg.encode_jpeg(np.asarray(render(picture, 384).convert("RGB")), 95)
        for picture in islice(pictures(), 0, 640, 10)
    ]
    pixels = list(islice(cycle(drawn), BATCH))
    ids = pa.array([number.to_bytes(16) for number in range(BATCH)], pa.uuid())
    return pa.record_batch({"image_id": ids, "pixels": pa.array(pixels, pa.binary())})


def _batches(batch: pa.RecordBatch, rows: int) -> Iterator[pa.RecordBatch]:
    return iter([batch] * (rows // BATCH))


if __name__ == "__main__":
    main()
