"""Readings that go wrong. Readers import them from here by their names, and nothing heavy."""

from __future__ import annotations

import os
import signal

from pairlake.ingest.crawl import file, workers
from pairlake.ingest.crawl.reading import Reading
from pairlake.ingest.crawl.workers import Task

_read = workers._read


def deadly(task: Task) -> Reading:
    """Reads a file, or dies of it."""
    if "00001" in task.path:
        os.kill(os.getpid(), signal.SIGKILL)
    return _read(task)


def impatient(task: Task) -> Reading:
    """Reads a file with less patience for a page than usual."""
    file.PAGE_SECONDS = 0.2
    return _read(task)


def failing(task: Task) -> Reading:
    """Reads a file, or raises as the way back from a process may."""
    if "failing" in task.path:
        raise RuntimeError("on its way")
    return _read(task)
