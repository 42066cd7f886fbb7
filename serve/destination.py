"""Puts an export in its place whole or not at all, and never over what no export wrote."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lake.errors import BadRequest, PairlakeError
from serve.provenance import IN_FOLDER, beside

_PREVIOUS = "previous"


@contextmanager
def placed(destination: Path, *, files: Sequence[str] | None) -> Iterator[Path]:
    """A path to make the export at, which is moved to `destination` at the end.

    An export is one file, or, where `files` has the patterns of what is in it, a folder; the
    provenance is written by `provenance.write`. Until the end it stands in a hidden folder beside
    the destination. One that an interrupted export left is cleared; what the last one had just
    taken out of the way is put back. Raises PairlakeError if the destination holds something else,
    or another export writes to it.
    """
    destination = destination.absolute()
    if not destination.parent.is_dir():
        raise BadRequest(
            f"{destination} cannot be written: {destination.parent} is no folder; make it, or give "
            "another."
        )
    with _hidden(destination) as hidden:
        _check_replaceable(destination, files)
        made = hidden / destination.name
        if files is not None:
            made.mkdir()
        yield made
        if files is None:
            made.replace(destination)
            beside(made).replace(beside(destination))
        else:
            _exchange(made, destination, hidden / _PREVIOUS)


@contextmanager
def _hidden(destination: Path) -> Iterator[Path]:
    """An empty folder beside the destination, which is this export's alone."""
    hidden = destination.with_name(f".{destination.name}.partial")
    hidden.mkdir(exist_ok=True)
    handle = os.open(hidden, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PairlakeError(
                f"Another export writes to {destination} now; wait for it, or give another place."
            ) from None
        _clear(hidden, destination)
        try:
            yield hidden
        finally:
            _put_back(hidden, destination)
            shutil.rmtree(hidden, ignore_errors=True)
    finally:
        os.close(handle)


def _clear(hidden: Path, destination: Path) -> None:
    """Take up where an export that was killed has left."""
    _put_back(hidden, destination)
    for path in hidden.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _put_back(hidden: Path, destination: Path) -> None:
    previous = hidden / _PREVIOUS
    if previous.exists() and not destination.exists():
        previous.rename(destination)


def _exchange(made: Path, destination: Path, previous: Path) -> None:
    if destination.exists():
        destination.rename(previous)
    made.rename(destination)


def _check_replaceable(destination: Path, files: Sequence[str] | None) -> None:
    """A file may be replaced; a folder if it is empty, or an export wrote all that is in it."""
    if files is None:
        if destination.is_dir():
            raise BadRequest(
                f"{destination} cannot be written: it is a folder; give a file, as in: "
                "pairlake export pairs.parquet"
            )
        return
    if destination.exists() and not destination.is_dir():
        raise BadRequest(
            f"{destination} cannot be written: it is a file; give a folder, which need not exist."
        )
    present = [path for path in destination.rglob("*") if not path.is_dir()]
    written = (destination / IN_FOLDER).exists() and all(
        any(path.relative_to(destination).match(pattern) for pattern in (*files, IN_FOLDER))
        for path in present
    )
    if present and not written:
        raise BadRequest(
            f"{destination} would be replaced, but holds something that no such export wrote; "
            "move it away, or give another folder."
        )
