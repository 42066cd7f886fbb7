"""A lake of its own for each size, and jobs over it in processes that are watched."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.processes import clean_environment, measured, module

THREADS = 2
_SAMPLE_S = 0.2


@dataclass(frozen=True, kw_only=True)
class Step:
    """One model, as dbt ran it."""

    name: str
    wall_s: float
    cpu_s: float


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one job took: the whole process, and of a dbt run its models without dbt's start-up.

    `published_s` is the part of the models' time that went to the Parquet copies, `tree_cpu_s` what
    was last seen of all processes, and `buckets` those that a cluster made.
    """

    process_s: float
    process_cpu_s: float
    tree_cpu_s: float
    buckets: int
    peak_mb: float
    spill_mb: float
    published_s: float
    steps: tuple[Step, ...]

    @property
    def wall_s(self) -> float:
        """Seconds of the models."""
        return sum(step.wall_s for step in self.steps)

    @property
    def cpu_s(self) -> float:
        """CPU seconds of the models."""
        return sum(step.cpu_s for step in self.steps)

    def slowest(self, count: int) -> list[Step]:
        """The steps that took most CPU time."""
        return sorted(self.steps, key=lambda step: -step.cpu_s)[:count]


@dataclass(frozen=True)
class Lake:
    """A lake in a folder, and what is done to it."""

    home: Path
    memory_limit: str

    def run(self, *arguments: object, **variables: str) -> Run:
        """Run one command of `benchmarks.dataset.job`, with such settings more."""
        environment = clean_environment(
            PAIRLAKE_HOME=str(self.home),
            PAIRLAKE_MEMORY_LIMIT=self.memory_limit,
            PAIRLAKE_THREADS=str(THREADS),
            **variables,
        )
        spill = _Spill(self.home / "tmp")
        spill.start()
        command = module("benchmarks.dataset.job", *arguments)
        try:
            use = measured(command, self.home.parent, environment)
        finally:
            spill.finish()
        found = use.told
        return Run(
            process_s=use.wall_s,
            process_cpu_s=use.cpu_s,
            tree_cpu_s=use.sampled_cpu_s,
            buckets=found.get("buckets", 0),
            peak_mb=found["peak_mb"],
            spill_mb=spill.peak / 1e6,
            published_s=found.get("published_s", 0.0),
            steps=tuple(Step(**node) for node in found.get("nodes", ())),
        )

    def size_mb(self) -> float:
        """Megabytes of the lake's Parquet files."""
        return sum(file.stat().st_size for file in self.home.rglob("*.parquet")) / 1e6


@contextmanager
def lake(data: Path, memory_limit: str) -> Iterator[Lake]:
    """A lake with nothing in it, gone when it is left: fifty million pairs take gigabytes."""
    folder = Path(tempfile.mkdtemp(prefix="lake-", dir=data))
    try:
        yield Lake(folder / "home", memory_limit)
    finally:
        shutil.rmtree(folder)


class _Spill(threading.Thread):
    """Looks at how much lies in DuckDB's folder for what does not fit into memory."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self._folder, self._done = folder, threading.Event()
        self.peak = 0

    def run(self) -> None:
        """Look until the end."""
        while not self._done.wait(_SAMPLE_S):
            self.peak = max(self.peak, self._size())

    def finish(self) -> None:
        """Stop, and wait until stopped."""
        self._done.set()
        self.join()

    def _size(self) -> int:
        try:
            # What is on the disk: the files have holes.
            return sum(file.stat().st_blocks * 512 for file in self._folder.rglob("*"))
        except OSError:
            return 0  # gone meanwhile
