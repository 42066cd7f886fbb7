"""Starts `pairlake serve` and clip-retrieval's server, and asks what they take of the machine."""

from __future__ import annotations

import http.client
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.harness.processes import ROOT, CommandFailed, clean_environment, free_port, module

STARTS_WITHIN_S = 300


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server that answers: where, and since when, by time.perf_counter(), it was started."""

    process: psutil.Process
    port: int
    started: float

    def cpu_s(self) -> float:
        """User and system seconds so far, over its process tree."""
        times = [process.cpu_times() for process in self._tree()]
        return float(sum(each.user + each.system for each in times))

    def memory_mb(self) -> float:
        """PSS of its process tree."""
        return float(sum(process.memory_full_info().pss for process in self._tree()) / 1e6)

    def _tree(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]


@contextmanager
def ours(home: Path, log: Path, *, models: Path | None = None) -> Iterator[Server]:
    """`pairlake serve` on the index of a home."""
    port = free_port()
    settings = {"PAIRLAKE_HOME": str(home), "PAIRLAKE_PORT": str(port)}
    if models is not None:
        settings["PAIRLAKE_MODELS"] = str(models)
    with _running(module("pairlake", "serve"), settings, port, log) as server:
        yield server


@contextmanager
def peers(
    python: Path, index: Path, log: Path, *, metadata: str, ef: int | None = None
) -> Iterator[Server]:
    """`clip-retrieval back` on the index of a folder."""
    port = free_port()
    script = str(Path(__file__).with_name("peer_back.py"))
    asked = [str(python), script, str(index), str(port), metadata, *([str(ef)] if ef else [])]
    with _running(asked, {}, port, log) as server:
        yield server


def forget(folder: Path) -> None:
    """Let the system drop what it holds in memory of a folder's files."""
    for path in folder.rglob("*"):
        if path.is_file():
            file = os.open(path, os.O_RDONLY)
            try:
                os.fsync(file)
                os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(file)


@contextmanager
def _running(
    command: Sequence[str], settings: dict[str, str], port: int, log: Path
) -> Iterator[Server]:
    with log.open("wb") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=clean_environment(**settings),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait(process, port, log)
            yield Server(process=psutil.Process(process.pid), port=port, started=started)
        finally:
            process.terminate()
            process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Until it speaks HTTP."""
    deadline = time.monotonic() + STARTS_WITHIN_S
    while process.poll() is None and time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=STARTS_WITHIN_S)
        try:
            connection.request("GET", "/indices-list")
            connection.getresponse().read()
        except OSError:
            time.sleep(0.02)
        else:
            return
        finally:
            connection.close()
    raise CommandFailed(f"A server did not come up: {log.read_text()[-2_000:]}")
