"""On a Ray cluster all comes out as on one machine, whoever dies on the way."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pytest

from pairlake.ingest.crawl import workers
from pairlake.ingest.crawl.job import crawl
from pairlake.ingest.crawl.workers import Task
from pairlake.ingest.fetch import worker
from pairlake.ingest.fetch.worker import Assignment
from pairlake.ingest.images.blocked import Blocked
from pairlake.lake.catalog import connect
from pairlake.lake.cluster import RETRIES, Shared, Tasks, Worker, WorkLost, connected, machines
from pairlake.lake.errors import BadSetting, JobFailed, PairlakeError
from pairlake.lake.project import ROOT
from pairlake.lake.settings import settings
from pairlake.udfs import parts
from pairlake.udfs.jobs import find
from tests.ingest.wats import THREE_PAGES
from tests.marts import contents
from tests.test_killed import STAGES, Stage, _build_after, _commits, _landed, _settle, world

# Not imported here: Ray reads its own settings when it is.
if find_spec("ray") is None:
    pytest.skip("Ray is not installed: pip install -e '.[ray]'", allow_module_level=True)
__all__ = ["world"]

# Nothing takes so long, unless it hangs.
PATIENCE_S = 3_600
# Batches and calls of a few rows each, so that there are many moments at which to die.
COMMAND = """
import pairlake.ingest.fetch.batches
import pairlake.ingest.fetch.cluster
import pairlake.udfs.landing
from pairlake.commands import main

pairlake.ingest.fetch.batches.LAND_DOWNLOADS = 8
pairlake.ingest.fetch.cluster.CALL_URLS = 4
pairlake.udfs.landing.COMMIT_ROWS = 20
main()
"""


@dataclass(frozen=True, kw_only=True)
class TwoMachines:
    """The cluster of tests/machines.py; `raylets` are the first processes of each machine."""

    process: subprocess.Popen[str]
    raylets: tuple[int, int]

    def living(self) -> int:
        """How many machines live, as the cluster knows it."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def tree(self, machine: int) -> list[psutil.Process]:
        """All processes of one machine."""
        raylet = psutil.Process(self.raylets[machine])
        return [raylet, *raylet.children(recursive=True)]

    def at_work(self, machine: int) -> list[psutil.Process]:
        """Those that answer a call."""
        found = []
        for process in self.tree(machine):
            try:
                name = process.cmdline()[:1]
            except psutil.Error:
                continue
            if name and re.fullmatch(r"ray::_(Process|read_there|score|write)\b.*", name[0]):
                found.append(process)
        return found


@pytest.fixture(scope="module")
def two_machines() -> Iterator[TwoMachines]:
    """The cluster, which RAY_ADDRESS names."""
    # Paths of sockets must be short.
    folder = Path(tempfile.mkdtemp(prefix="ray-"))
    (folder / "token").write_text(uuid.uuid4().hex * 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # listens on loopback alone
        patch.setenv("RAY_worker_niceness", "0")
        patch.setenv("RAY_grpc_client_keepalive_time_ms", "5000")
        patch.setenv("RAY_grpc_client_keepalive_timeout_ms", "3000")
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN_PATH", str(folder / "token"))
        patch.setenv("RAY_TMPDIR", str(folder))
        with subprocess.Popen(
            [sys.executable, "-m", "tests.machines"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                told = json.loads(process.stdout.readline())
                patch.setenv("RAY_ADDRESS", told["address"])
                yield TwoMachines(process=process, raylets=tuple(told["raylets"]))
            finally:
                process.stdin.close()
                process.wait(PATIENCE_S)
                shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def ray_here(two_machines: TwoMachines, home: Path) -> Iterator[None]:
    """This process as a driver of the cluster."""
    ray = connected()
    yield
    ray.shutdown()


def _fail(sentence: str) -> None:
    raise JobFailed(sentence)


def _die(marks: Path, times: int) -> int:
    """Die so often; then say how often that was."""
    died = len(list(marks.iterdir()))
    if died < times:
        (marks / str(died)).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return died


async def _die_as_worker(marks: Path, times: int) -> int:
    return _die(marks, times)


def _seen() -> tuple[str, str, str]:
    current = settings()
    return current.recipe, str(current.home), os.environ.get("PAIRLAKE_DATA", "nothing")


def test_it_listens_on_loopback_alone(two_machines: TwoMachines) -> None:
    listening = [
        connection.laddr.ip
        for machine in range(2)
        for process in two_machines.tree(machine)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening
    assert {ip.removeprefix("::ffff:") for ip in listening} == {"127.0.0.1"}


def test_processes_have_the_settings_but_for_the_lake(
    two_machines: TwoMachines, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAIRLAKE_RECIPE", "demo")
    monkeypatch.setenv("PAIRLAKE_DATA", str(home / "elsewhere"))
    ray = connected()
    try:
        assert Tasks().submit(_seen).result(PATIENCE_S) == ("demo", str(home), "nothing")
    finally:
        ray.shutdown()


@pytest.mark.usefixtures("ray_here")
def test_what_dies_is_done_again_and_what_is_raised_arrives(tmp_path: Path) -> None:
    tasks = Tasks()
    assert tasks.workers == 2
    with pytest.raises(JobFailed, match=r"^mend it$"):
        tasks.submit(_fail, "mend it").result(PATIENCE_S)
    node = machines()[0].name
    worker = Worker("a-worker", node)
    for name, ask in (("task", _on(tasks)), ("worker", _on(worker))):
        (marks := tmp_path / name).mkdir()
        assert ask(marks, 1).result(PATIENCE_S) == 1
    (marks := tmp_path / "always").mkdir()
    with pytest.raises(WorkLost, match="run it again"):
        tasks.submit(_die, marks, RETRIES + 1).result(PATIENCE_S)
    worker.end()


def _on(what: Tasks | Worker):  # type: ignore[no-untyped-def]
    def ask(marks: Path, times: int) -> Future[int]:
        if isinstance(what, Tasks):
            return what.submit(_die, marks, times)
        return what.submit(_die_as_worker, marks, times)

    return ask


@pytest.mark.usefixtures("ray_here")
def test_a_redirect_waits_for_its_turn_where_the_domain_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    con = connect()
    shared = Shared(Blocked(con, ""))
    con.close()
    assignment = Assignment(
        run="test", number=0, of=2, at_once=1, decoders=1, blocked=shared, known=()
    )
    assignments = [assignment, replace(assignment, number=1)]
    workers = [
        Worker(assignment.name, machines()[number].name)
        for number, assignment in enumerate(assignments)
    ]
    urls = [f"http://site{number}.example/1" for number in range(20)]
    [url, *_] = [url for url in urls if assignment.owner(url) == assignments[1]]
    hear = workers[0].submit(_hear_of, assignments[0], url)
    assert hear.result(PATIENCE_S) == [True, False]
    # The process whose domain it is knows as well that it has to wait.
    assert (
        workers[1].submit(worker._wait_for_redirect, assignments[1], url).result(PATIENCE_S)
        is False
    )
    # Where that process does not live, the image is for another run.
    workers[1].end()
    assert workers[0].submit(_hop_until_gone, assignments[0], url).result(PATIENCE_S) is False
    workers[0].end()


async def _hear_of(assignment: Assignment, url: str) -> list[bool]:
    """May a redirect lead there; and again, once its rules ask for a minute between two?"""
    turns = (await worker._fetcher(assignment)).turns
    first = await turns.wait_for_redirect(url)
    turns.note_wishes(url, wants_break=False, delay_s=60.0)
    await asyncio.gather(*turns._telling)
    await turns.wait_for_redirect(url)
    return [first, await turns.wait_for_redirect(url)]


async def _hop_until_gone(assignment: Assignment, url: str) -> bool:
    return await (await worker._fetcher(assignment)).turns.wait_for_redirect(url)


class _Shrinking(Tasks):
    """A cluster with room for four calls, and for one once five are under way."""

    workers = 4  # type: ignore[assignment]

    def __init__(self) -> None:
        self._calls = 0

    def submit(self, *_: object) -> Future[pa.Table]:
        self._calls += 1
        if self._calls > self.workers:
            self.workers = 1
        answer: Future[pa.Table] = Future()
        answer.set_result(pa.table({"n": [1]}))
        return answer

    def end(self) -> None:
        """Nothing is under way."""


def test_parts_wait_where_a_machine_has_died(monkeypatch: pytest.MonkeyPatch) -> None:
    def one_of(calls: Iterable[Future[pa.Table]]) -> set[Future[pa.Table]]:
        return {next(iter(calls))}

    monkeypatch.setattr(parts, "machines", list)
    monkeypatch.setattr(parts, "Tasks", lambda **_: _Shrinking())
    monkeypatch.setattr("pairlake.lake.processes.first_done", one_of)
    job = find("image_hashes")
    batches = iter([pa.record_batch({"n": [1]})] * 20)
    made = parts.Parts(job).rows("image_hashes", job.identify("phash"), batches, 20)
    assert sum(rows.num_rows for rows in made) > 5


class _Failing(Tasks):
    """A cluster on which the parts of some numbers fail."""

    workers = 2  # type: ignore[assignment]

    def __init__(self, *numbers: int) -> None:
        self._numbers = numbers

    def submit(self, *arguments: Any) -> Future[pa.Table]:  # type: ignore[override]
        (number,) = arguments[3][0]["n"].to_pylist()
        answer: Future[pa.Table] = Future()
        if number in self._numbers:
            answer.set_exception(KeyError(number))
        else:
            answer.set_result(pa.table({"n": [number]}))
        return answer

    def end(self) -> None:
        """Nothing is under way."""


def test_a_part_that_fails_costs_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    job = find("image_hashes")
    monkeypatch.setattr(parts, "machines", list)

    def made(*failing: int) -> list[int]:
        monkeypatch.setattr(parts, "Tasks", lambda **_: _Failing(*failing))
        batches = (pa.record_batch({"n": [number]}) for number in range(8))
        rows = parts.Parts(job).rows("hashes", job.identify("phash"), batches, 8)
        numbers: list[int] = []
        with pytest.raises(JobFailed, match=rf"hashes: {len(failing)} parts .*KeyError"):
            numbers.extend(number for made in rows for number in made["n"].to_pylist())
        return numbers

    assert sorted(made(2)) == [0, 1, 3, 4, 5, 6, 7]
    # Of so many the model or the cluster is to blame.
    assert len(made(*range(parts.MAX_FAILURES + 1))) < 8


def _stumbling(task: Task) -> Any:
    if "failing" in task.path:
        raise RuntimeError("on its way")
    return _read_there(task)


_read_there = workers._read_there


@pytest.mark.slow
@pytest.mark.usefixtures("ray_here")
def test_a_crawl_file_that_fails_costs_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAIRLAKE_ENGINE", "ray")
    monkeypatch.setattr(workers, "_read_there", _stumbling)
    files = [tmp_path / f"{name}.warc.gz" for name in ("0", "failing-1", "2")]
    for file in files:
        file.write_bytes(THREE_PAGES)
    summary = crawl([str(file) for file in files])
    assert summary.outcomes == {"ok": 2, "failed": 1}
    assert "on its way" in (summary.failure or "")


def test_only_engines_that_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAIRLAKE_ENGINE", "spark")
    with pytest.raises(BadSetting, match="local or ray"):
        settings()


def test_without_ray_the_next_step_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(PairlakeError, match=r"pip install -e '\.\[ray\]'"):
        connected()


def _start(stage: Stage) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", COMMAND, *stage.arguments])


def _run(stage: Stage) -> None:
    assert _start(stage).wait(timeout=PATIENCE_S) == 0


def _until(process: subprocess.Popen[bytes], machines: TwoMachines, machine: int) -> bool:
    """Wait until somebody on that machine is at work; whether it was before the command ended."""
    while process.poll() is None and not machines.at_work(machine):
        time.sleep(0.02)
    return process.poll() is None


def _kill_worker(stage: Stage, machines: TwoMachines, moments: random.Random) -> bool:
    """Kill a process of either machine while the command runs, which then ends by itself."""
    process, machine = _start(stage), moments.randrange(2)
    killed = False
    if _until(process, machines, machine):
        time.sleep(moments.random() * 0.5)
        for victim in machines.at_work(machine)[:1]:
            victim.kill()
            killed = True
    assert process.wait(timeout=PATIENCE_S) == 0
    return killed


def _kill_driver(stage: Stage, machines: TwoMachines, moments: random.Random) -> None:
    """Kill the command itself, which is also what commits, after its first commit or so."""
    process, before = _start(stage), _commits()
    after = moments.randrange(3)
    while process.poll() is None and _commits() < before + after:
        time.sleep(0.005)
    process.kill()
    process.wait(PATIENCE_S)


def _part_from(machines: TwoMachines, stage: Stage) -> None:
    """Halt the second machine, which has work, until it counts as dead, and some time longer."""
    process = _start(stage)
    halted = machines.tree(1) if _until(process, machines, 1) else []
    for each in halted:
        each.suspend()
    try:
        while halted and machines.living() == 2:
            time.sleep(0.1)
        assert process.wait(timeout=PATIENCE_S) == 0
    finally:
        for each in halted:
            each.resume()
    assert halted, "the command ended before it could lose a machine"


@pytest.mark.slow
def test_deaths_change_no_mart(
    two_machines: TwoMachines, world: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _settle(world, monkeypatch, tmp_path / "undisturbed")
    monkeypatch.setenv("PAIRLAKE_FETCH_TIMEOUT_S", "10")
    landed = []
    for stage in STAGES:
        _run(stage)
        landed.append(_landed(stage))
        _build_after(stage)
    undisturbed = contents()
    assert undisturbed["pairs"]["rows"] > 50

    _settle(world, monkeypatch, tmp_path / "killed")
    monkeypatch.setenv("PAIRLAKE_FETCH_TIMEOUT_S", "10")
    monkeypatch.setenv("PAIRLAKE_ENGINE", "ray")
    moments = random.Random(8)
    kills = 0
    for stage, rows in zip(STAGES, landed, strict=True):
        _kill_driver(stage, two_machines, moments)
        if stage is STAGES[-1]:
            _kill_driver(stage, two_machines, moments)
            _part_from(two_machines, stage)
        else:
            kills += _kill_worker(stage, two_machines, moments)
        _run(stage)
        assert _landed(stage) == rows, "nothing is lost, nothing is doubled"
        _build_after(stage)
    assert kills
    assert contents() == undisturbed
