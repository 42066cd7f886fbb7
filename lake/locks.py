"""Lets one process at a time do what two must not do at once, by locks of files.

A lock goes with the process, however that ends.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pairlake.lake.errors import PairlakeError


@contextmanager
def in_turn(lock: Path) -> Iterator[None]:
    """Hold the file `lock`, as soon as nobody else does."""
    with lock.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def alone(lock: Path, otherwise: PairlakeError) -> Iterator[None]:
    """Hold the file `lock`, in a folder made if need be; `otherwise` is raised if it is held."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as handle:
        if not could_take(handle):
            raise otherwise
        yield


def could_take(handle: IO[str] | int) -> bool:
    """Take the lock of an open file, and say whether that could be: nobody else holds it."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
