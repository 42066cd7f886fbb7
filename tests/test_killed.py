"""Kill anything at any moment and start it again: nothing is lost and nothing is doubled."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

import pyarrow as pa
import pytest

from pairlake.demo.stage import environment
from pairlake.demo.wat import CRAWL_ID
from pairlake.demo.web import base_url, serving
from pairlake.demo.world import build_world
from pairlake.lake.append import append
from pairlake.lake.catalog import connect
from pairlake.lake.dbt_plugin import build_worklists, run_dbt
from pairlake.lake.settings import settings
from pairlake.lake.tables import TABLES
from tests.marts import contents

# Commits of a few rows each, so that a job has many moments between its first and its last.
COMMAND = """
import pairlake.ingest.fetch.batches
import pairlake.udfs.landing
from pairlake.commands import main

pairlake.ingest.fetch.batches.LAND_DOWNLOADS = 8
pairlake.udfs.landing.COMMIT_ROWS = 20
main()
"""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One command, what counts as landed by it, and after how many commits each kill comes.

    A kill after 0 commits comes while the command starts.
    """

    arguments: tuple[str, ...]
    landed: str
    kills: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How one undisturbed command went: seconds to its first commit, and median between two."""

    start: float
    between: float
    landed: int


STAGES = (
    Stage(
        arguments=("crawl", "--crawl", CRAWL_ID, "--files", "all"),
        landed="select count(*) from lake.raw.crawl_files",
        kills=(0, 0, 1, 1),
    ),
    Stage(
        arguments=("fetch",),
        landed="select count(*) from lake.raw.downloads",
        kills=(0, 1, 2, 3, 1, 2, 0, 1),
    ),
    Stage(
        arguments=("enrich",),
        landed=" union all ".join(
            f"select count(*) from lake.{table}" for table in TABLES if table.startswith("enriched")
        ),
        kills=(0, 2, 4, 1, 5, 3, 0, 4),
    ),
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, free_port: int) -> Iterator[str]:
    """A small world being served; gives its root."""
    folder = tmp_path_factory.mktemp("world")
    build_world(folder, base_url(free_port), 40)
    with serving(folder, free_port) as root:
        yield root


def _settle(world: str, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv("PAIRLAKE_CRAWL_ROOT", world)
    for name, value in environment(None).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PAIRLAKE_HOME", str(home))
    # The planted slow pictures need not be waited for.
    monkeypatch.setenv("PAIRLAKE_FETCH_TIMEOUT_S", "2")
    monkeypatch.setenv("PAIRLAKE_FETCH_CONCURRENCY", "8")
    # Threads that wait for one another are slow on a busy machine.
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    # A job commits whole batches only.
    monkeypatch.setenv("PAIRLAKE_BATCH_SIZE", "16")


def _start(stage: Stage) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, *stage.arguments], start_new_session=True
    )


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the command and the workers that it started: they are one session of their own."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _commits() -> int:
    """How often the lake has been committed to, as its catalog file says."""
    catalog = settings().catalog_file
    if not catalog.exists():
        return 0
    with closing(sqlite3.connect(f"{catalog.as_uri()}?mode=ro", uri=True)) as connection:
        try:
            return int(connection.execute("select count(*) from ducklake_snapshot").fetchone()[0])
        except sqlite3.OperationalError:
            return 0  # there, but not yet made


def _wait_for_commits(process: subprocess.Popen[bytes], commits: int) -> None:
    while process.poll() is None and _commits() < commits:
        time.sleep(0.005)


def _undisturbed(stage: Stage) -> Pace:
    known, moments = _commits(), [time.monotonic()]
    process = _start(stage)
    while process.poll() is None:
        _wait_for_commits(process, known + 1)
        known = _commits()
        moments.append(time.monotonic())
    assert process.returncode == 0
    gaps = [after - before for before, after in pairwise(moments)]
    return Pace(start=gaps[0], between=median(gaps[1:]), landed=_landed(stage))


def _killed(stage: Stage, pace: Pace, commits: int, moment: float) -> bool:
    """Start the command and kill it; whether it was still running.

    `moment`, from 0 to 1, is how far towards the next commit it gets after so many `commits`.
    """
    before = _commits()
    process = _start(stage)
    _wait_for_commits(process, before + commits)
    time.sleep(moment * (pace.between if commits else pace.start))
    running = process.poll() is None
    _kill(process)
    return running


def _disturbed(stage: Stage, pace: Pace, moments: random.Random) -> list[int]:
    """Kill the command as often as planned, then let it end; gives what each kill left landed."""
    landed = []
    kills, reach = list(stage.kills), 1.0
    for _ in range(3 * len(kills)):
        if not kills:
            break
        if _killed(stage, pace, kills[0], reach * moments.random()):
            kills.pop(0)
            landed.append(_landed(stage))
        else:
            # It came to its end, so the kills that are left meet it while it starts, and earlier.
            kills, reach = [0] * len(kills), reach / 2
    assert not kills, "too many commands ended before they could be killed"
    assert _start(stage).wait() == 0
    return landed


def _landed(stage: Stage) -> int:
    con = connect(read_only=True)
    counts = con.execute(stage.landed).fetchall()
    con.close()
    return sum(count for (count,) in counts)


def _build_after(stage: Stage) -> None:
    """As `pairlake run` does: worklists follow what the jobs land, so they are built once."""
    if stage is STAGES[0]:
        build_worklists()
    elif stage is STAGES[-1]:
        run_dbt("run")


@pytest.mark.slow
def test_twenty_kills_change_no_mart(
    world: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _settle(world, monkeypatch, tmp_path / "undisturbed")
    paces = []
    for stage in STAGES:
        paces.append(_undisturbed(stage))
        _build_after(stage)
    undisturbed = contents()
    assert undisturbed["pairs"]["rows"] > 50

    _settle(world, monkeypatch, tmp_path / "killed")
    moments = random.Random(20)
    kills = 0
    for stage, pace in zip(STAGES, paces, strict=True):
        left = _disturbed(stage, pace, moments)
        kills += len(left)
        partly = [landed for landed in left if 0 < landed < pace.landed]
        assert len(partly) >= 3 or stage is STAGES[0]
        assert _landed(stage) == pace.landed, "nothing is lost, nothing is doubled"
        _build_after(stage)

    assert kills == 20
    assert contents() == undisturbed


def test_a_kill_between_data_and_commit_leaves_nothing() -> None:
    append({"raw.crawl_files": pa.table({"path": ["before"]})})
    program = """
import os, signal
from contextlib import contextmanager
import pyarrow as pa
import pairlake.lake.append
from pairlake.lake.catalog import writing

@contextmanager
def killed_before_commit(con):
    with writing(con) as writer:
        yield writer
        assert writer.execute("from lake.raw.crawl_files where path = 'lost'").fetchone()
        os.kill(os.getpid(), signal.SIGKILL)

pairlake.lake.append.writing = killed_before_commit
pairlake.lake.append.append({
    "raw.image_text_pairs": pa.table({"caption": ["lost"]}),
    "raw.crawl_files": pa.table({"path": ["lost"]}),
})
"""
    done = subprocess.run([sys.executable, "-c", program], check=False)
    assert done.returncode == -signal.SIGKILL

    append({"raw.crawl_files": pa.table({"path": ["after"]})})
    con = connect()
    paths = con.execute("select path from lake.raw.crawl_files order by landed_at").fetchall()
    pairs = con.execute("select count(*) from lake.raw.image_text_pairs").fetchone()
    con.close()
    assert paths == [("before",), ("after",)]
    assert pairs == (0,)
