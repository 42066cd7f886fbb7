"""Runs commands and tells what they took: CPU time and memory over their whole process tree."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
_SAMPLE_S = 0.2
# To ask for the memory of a process stops it for a while.
_SAMPLES_PER_SIZE = 3


class CommandFailed(Exception):
    """A measured command ended with an error; the message holds the end of what it said."""


@dataclass(frozen=True, kw_only=True)
class Use:
    """What one run of a command took.

    `cpu_s` is what the kernel counts for the command and all that were waited for, and what was
    last seen of those whose parent ignores their end, as Spark's daemon does with its workers.
    `sampled_cpu_s` is what was last seen of all, a check that must not come out much higher.
    Memory is PSS, where a page that n processes share counts 1/n in each: the most of the tree,
    and of one process.
    """

    wall_s: float
    cpu_s: float
    sampled_cpu_s: float
    peak_mb: float
    largest_mb: float
    processes: int
    output: str

    @property
    def told(self) -> dict[str, Any]:
        """What it printed as its last line, which is JSON."""
        return _last_line(self.output)


def fresh(folder: Path) -> Path:
    """The folder, made anew with nothing in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def free_port() -> int:
    """A port on loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def clean_environment(**variables: str) -> dict[str, str]:
    """The environment without the settings of pairlake and Python's paths, with `variables`."""
    dropped = ("PAIRLAKE_", "PYTHONPATH", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return {**kept, **variables}


@contextmanager
def cleanly(**variables: str) -> Iterator[None]:
    """This process in `clean_environment`, for as long."""
    before, clean = dict(os.environ), clean_environment(**variables)
    os.environ.clear()
    os.environ.update(clean)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def module(name: str, *arguments: object) -> list[str]:
    """The command that runs a module of ours under this Python."""
    return [sys.executable, "-m", name, *map(str, arguments)]


def answer(command: Sequence[str]) -> dict[str, Any]:
    """What a command printed as its last line, which is JSON."""
    done = subprocess.run(
        command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CommandFailed(f"{' '.join(command)}: {done.stderr[-2_000:]}")
    return _last_line(done.stdout)


def _last_line(output: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(output.splitlines()[-1])
    return found


def interleaved(
    commands: Mapping[str, Sequence[str]], runs: int
) -> dict[str, list[dict[str, Any]]]:
    """The answers of each command, by turns, so that a busy minute of the machine hits all."""
    answers: dict[str, list[dict[str, Any]]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            answers[name].append(answer(command))
    return answers


def measured(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Use:
    """Run a command, its output going to `folder`; watch it and all that it starts."""
    out, errors = folder / "stdout.txt", folder / "stderr.txt"
    started = time.monotonic()
    with out.open("wb") as stdout, errors.open("wb") as stderr:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=stdout, stderr=stderr)
        watch = _Watch(process.pid)
        watch.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        watch.finish()
    if process.returncode:
        raise CommandFailed(f"{' '.join(command)}: {errors.read_text()[-2_000:]}")
    return Use(
        wall_s=wall,
        cpu_s=usage.ru_utime + usage.ru_stime + sum(watch.unwaited.values()),
        sampled_cpu_s=sum(watch.cpu.values()),
        peak_mb=watch.peak / 1e6,
        largest_mb=watch.largest / 1e6,
        processes=len(watch.cpu),
        output=out.read_text(),
    )


class _Watch(threading.Thread):
    """Looks at a process and its descendants every so often, until it is told to finish."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._root, self._done = psutil.Process(pid), threading.Event()
        self.cpu: dict[int, float] = {}
        self.unwaited: dict[int, float] = {}
        self.peak = self.largest = 0

    def run(self) -> None:
        """Sample until the end."""
        for sample in itertools.count():
            if self._done.wait(_SAMPLE_S):
                return
            processes = self._tree()
            for process in processes:
                self._see(process)
            if sample % _SAMPLES_PER_SIZE == 0:
                sizes = [_size(process) for process in processes]
                self.peak = max(self.peak, sum(sizes))
                self.largest = max(self.largest, *sizes, 0)

    def finish(self) -> None:
        """Stop, and wait until stopped."""
        self._done.set()
        self.join()

    def _tree(self) -> list[psutil.Process]:
        try:
            return [self._root, *self._root.children(recursive=True)]
        except psutil.Error:
            return []

    def _see(self, process: psutil.Process) -> None:
        try:
            times, parent = process.cpu_times(), process.ppid()
        except psutil.Error:
            return
        self.cpu[process.pid] = times.user + times.system
        if process.pid in self.unwaited or (process != self._root and _ignores_children(parent)):
            self.unwaited[process.pid] = times.user + times.system


def _ignores_children(pid: int) -> bool:
    """Whether the kernel drops the usage of this process's children when they end."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    ignored = re.search(r"^SigIgn:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return ignored is not None and bool(int(ignored[1], 16) >> (signal.SIGCHLD - 1) & 1)


def _size(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except (psutil.Error, OSError):
        return 0
