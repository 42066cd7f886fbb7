"""A folder of its own for each run, for what has been read and not landed yet."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pairlake.lake.locks import could_take, in_turn
from pairlake.lake.settings import settings


@contextmanager
def workspace() -> Iterator[Path]:
    """A folder for what is read and has not landed; those of runs that were killed go."""
    with ExitStack() as held:
        with _cleared() as parent:
            folder = Path(held.enter_context(tempfile.TemporaryDirectory("", "run-", parent)))
            held.enter_context(in_turn(folder / "lock"))
        yield folder


def clear_workspaces() -> None:
    """Remove what runs that were killed have left."""
    with _cleared():
        pass


@contextmanager
def _cleared() -> Iterator[Path]:
    """The folder of all runs, rid of those that were killed, while no other run begins."""
    parent = settings().home / "tmp" / "crawl"
    parent.mkdir(parents=True, exist_ok=True)
    with in_turn(parent / "lock"):
        for left in parent.glob("run-*"):
            _remove_unless_locked(left)
        yield parent


def _remove_unless_locked(folder: Path) -> None:
    try:
        with (folder / "lock").open("r+") as lock:
            is_left = could_take(lock)
    except FileNotFoundError:
        is_left = True  # its run is removing it, or was killed before it had locked it
    if is_left:
        shutil.rmtree(folder, ignore_errors=True)
