"""Puts an export in its place whole or not at all, and never over what no export wrote."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pairlake.lake.errors import BadRequest, PairlakeError
from pairlake.lake.locks import could_take
from pairlake.serve.export.provenance import (
    are_attributions,
    attribution,
    belong_together,
    beside,
    bring,
    is_provenance,
    wrote,
)

_PREVIOUS = "previous"


@contextmanager
def placed(destination: Path, *, format: str, is_folder: bool) -> Iterator[Path]:
    """A path to make the export at, which is moved to `destination` at the end.

    Its provenance is written by `provenance.write`. Until the end it stands in a hidden folder
    beside the destination. One that an interrupted export left is cleared; what the last one had
    just taken out of the way is put back. Raises PairlakeError if the destination holds what no
    export of the format wrote, is a symbolic link, or another export writes to it.
    """
    destination = destination.absolute()
    if not destination.parent.is_dir():
        raise BadRequest(
            f"{destination} cannot be written: {destination.parent} is no folder; make it, or give "
            "another."
        )
    with _hidden(destination) as hidden:
        _check_replaceable(destination, format, is_folder)
        before = _identity(destination)
        made = hidden / destination.name
        if is_folder:
            made.mkdir()
        yield made
        if _identity(destination) != before:
            raise PairlakeError(
                f"{destination} was made or changed while the export ran, and is left as it is; "
                "give another place."
            )
        if is_folder:
            _exchange(made, destination, hidden / _PREVIOUS)
        else:
            made.replace(destination)
            bring(made, destination)


@contextmanager
def _hidden(destination: Path) -> Iterator[Path]:
    """An empty folder beside the destination, which is this export's alone."""
    hidden = destination.with_name(f".{destination.name}.partial")
    handle = _opened(hidden, destination)
    try:
        if not could_take(handle):
            raise PairlakeError(
                f"Another export writes to {destination} now; wait for it, or give another place."
            )
        _clear(hidden, destination)
        try:
            yield hidden
        finally:
            _settle(hidden, destination)
            shutil.rmtree(hidden, ignore_errors=True)
    finally:
        os.close(handle)


def _opened(hidden: Path, destination: Path) -> int:
    """The hidden folder, made or found; BadRequest where something of another kind has its name."""
    with suppress(FileExistsError):
        hidden.mkdir()
    try:
        handle = os.open(hidden, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        raise _in_the_way(hidden) from error
    beside_it = {beside(destination).name, attribution(destination).name}
    ours = {destination.name, _PREVIOUS, *beside_it}
    found = {path.name for path in hidden.iterdir()}
    if os.fstat(handle).st_uid != os.geteuid() or not found <= ours:
        os.close(handle)
        raise _in_the_way(hidden)
    return handle


def _in_the_way(hidden: Path) -> BadRequest:
    return BadRequest(
        f"{hidden} is in the way, and no export made it; move it away, or give another place."
    )


def _clear(hidden: Path, destination: Path) -> None:
    """Take up where an export that was killed has left."""
    _settle(hidden, destination)
    for path in hidden.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _settle(hidden: Path, destination: Path) -> None:
    """Put back what was taken out of the way, and bring a provenance to the file that has gone."""
    previous, made = hidden / _PREVIOUS, hidden / destination.name
    if previous.exists() and not os.path.lexists(destination):
        previous.rename(destination)
    if not made.exists() and belong_together(destination, beside(made)):
        bring(made, destination)


def _exchange(made: Path, destination: Path, previous: Path) -> None:
    if destination.exists():
        destination.rename(previous)
    made.rename(destination)


def _identity(path: Path) -> tuple[int, ...] | None:
    """What is another after a path was made, replaced or written to; None where nothing is."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _check_replaceable(destination: Path, format: str, is_folder: bool) -> None:
    """What is there may be replaced if an export wrote it and nobody has changed it since.

    Of a folder, that is an export of the same format and nothing else; it may be empty too.
    """
    if destination.is_symlink():
        raise BadRequest(
            f"{destination} cannot be written: it is a symbolic link, and exports follow none; "
            f"give the {'folder' if is_folder else 'file'} that it leads to."
        )
    if is_folder:
        _check_folder(destination, format)
        return
    if destination.is_dir():
        raise BadRequest(
            f"{destination} cannot be written: it is a folder; give a file, as in: "
            "pairlake export pairs.parquet"
        )
    told = beside(destination)
    named = attribution(destination)
    for path, is_known in (
        (destination, wrote(destination)),
        (told, is_provenance(told)),
        (named, are_attributions(named, told)),
    ):
        if os.path.lexists(path) and not is_known:
            raise BadRequest(
                f"{path} would be replaced, but is not as an export wrote it; move it away, or "
                "give another file."
            )


def _check_folder(destination: Path, format: str) -> None:
    if destination.exists() and not destination.is_dir():
        raise BadRequest(
            f"{destination} cannot be written: it is a file; give a folder, which need not exist."
        )
    if destination.exists() and any(destination.iterdir()) and not wrote(destination, format):
        raise BadRequest(
            f"{destination} would be replaced, but holds something that no such export wrote; "
            "move it away, or give another folder."
        )
