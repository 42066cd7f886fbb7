"""A machine of a Ray cluster that the network loses for a minute takes no row along.

`pytest -m slow tests/test_partition.py`: some minutes, as root, since the two machines are network
namespaces, joined by a cable that is pulled and put back.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from pairlake.lake.catalog import connect, rows, writing

CAPTIONS = 800_000
HEAD, OTHER = "10.213.0.1", "10.213.0.2"
PARTED_S = 60.0
PATIENCE_S = 3_600

WORLD = f"""
create schema lake.intermediate;
create view lake.intermediate.int_recipe_models as select 'language' as kind, 'cld3' as name;
create table lake.intermediate.captions as
select md5(n::varchar)::uuid as caption_id, 'a red bicycle near the house ' || n as caption
from range({CAPTIONS}) as numbers (n);
create view lake.intermediate.int_captions_awaiting_language as
select caption_id, caption, models.model_id
from lake.intermediate.captions
cross join (select model_id from lake.enriched.models where kind = 'language') as models
anti join lake.enriched.caption_languages as done using (caption_id, model_id);
"""
COMMAND = """
from pairlake.udfs.jobs import find
from pairlake.udfs.running import run_job

print(run_job(find("caption_languages")).outcomes)
"""
DONE = (
    "select count(*), count(distinct caption_id), count(*) filter (where outcome = 'ok') "
    "from lake.enriched.caption_languages"
)


@dataclass(frozen=True, kw_only=True)
class Parted:
    """Two machines on one cable, by the names of their network namespaces."""

    head: str
    other: str

    def command(self, *words: str, on: str | None = None) -> list[str]:
        """A command on the first machine, or on that one."""
        return ["ip", "netns", "exec", on or self.head, *words]

    def cable(self, state: str) -> None:
        """Pull the cable (down), or put it back (up)."""
        subprocess.run(["ip", "-n", self.other, "link", "set", "cable", state], check=True)


@contextmanager
def _two_machines() -> Iterator[Parted]:
    mark = uuid.uuid4().hex[:6]
    machines = Parted(head=f"head-{mark}", other=f"other-{mark}")

    def ip(*words: str) -> None:
        subprocess.run(["ip", *words], check=True, capture_output=True)

    with ExitStack() as undone:
        for name in (machines.head, machines.other):
            ip("netns", "add", name)
            undone.callback(ip, "netns", "delete", name)
        ip(
            *("-n", machines.head, "link", "add", "cable", "type", "veth"),
            *("peer", "name", "cable", "netns", machines.other),
        )
        for name, address in ((machines.head, HEAD), (machines.other, OTHER)):
            ip("-n", name, "address", "add", f"{address}/24", "dev", "cable")
            ip("-n", name, "link", "set", "cable", "up")
            ip("-n", name, "link", "set", "lo", "up")
        yield machines


@contextmanager
def _started(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()


def _until_joined(machines: Parted, count: int) -> None:
    """Wait until so many machines are in the cluster."""
    ask = "import ray; ray.init(); print(sum(node['Alive'] for node in ray.nodes()))"
    while True:
        found = subprocess.run(
            machines.command(sys.executable, "-c", ask), check=False, capture_output=True
        )
        if found.stdout.strip() == str(count).encode():
            return


def _landed() -> int:
    return int(rows("select count(*) from lake.enriched.caption_languages", read_only=True)[0][0])


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for Ray, and the settings under which its processes start."""
    folder = Path(tempfile.mkdtemp(prefix="ray-"))
    (folder / "token").write_text(uuid.uuid4().hex * 2)
    for name, value in {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_worker_niceness": "0",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(folder / "token"),
    }.items():
        monkeypatch.setenv(name, value)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")
@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("ip"), reason="wants root, and ip")
def test_a_minute_without_the_network_loses_nothing(
    token: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with writing() as con:
        con.execute(WORLD)
    connect().close()
    ray = [str(Path(sys.executable).with_name("ray")), "start", "--block", "--num-cpus=1"]
    with _two_machines() as machines, ExitStack() as running:
        head = [*ray, "--head", "--port=6379", f"--node-ip-address={HEAD}"]
        head += ["--include-dashboard=false", f"--temp-dir={token}"]
        running.enter_context(_started(machines.command(*head)))
        other = [*ray, f"--address={HEAD}:6379", f"--node-ip-address={OTHER}"]
        monkeypatch.setenv("RAY_ADDRESS", f"{HEAD}:6379")
        _until_joined(machines, 1)
        running.enter_context(_started(machines.command(*other, on=machines.other)))
        _until_joined(machines, 2)
        monkeypatch.setenv("PAIRLAKE_ENGINE", "ray")
        with subprocess.Popen(machines.command(sys.executable, "-c", COMMAND)) as job:
            while job.poll() is None and not _landed():
                time.sleep(0.5)
            machines.cable("down")
            assert job.poll() is None, "the job ended before the network did"
            time.sleep(PARTED_S)
            machines.cable("up")
            assert job.wait(PATIENCE_S) == 0
    assert rows(DONE) == [(CAPTIONS, CAPTIONS, CAPTIONS)]
