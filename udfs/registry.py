"""What is known of each model, whether it is on disk, and how it gets there (udfs/models.toml)."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path, PurePosixPath

import click

from pairlake.lake.errors import BadRequest, JobFailed
from pairlake.lake.settings import settings
from pairlake.udfs.downloading import Progress, download, forget
from pairlake.udfs.job import ModelUnavailable

REGISTRY = Path(__file__).with_name("models.toml")
# Beside a file: the sha256 with which it first came. It outlives the file, so that what is fetched
# again is what it was; who wants another file deletes the note as well.
_NOTE = ".sha256"
_FIRST_SEEN = ", first seen: nobody says what it should be; it is held against this one from now on"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One model of the registry.

    `files` gives the sha256 of each of its files, empty where it is not known beforehand. A model
    without files comes with a `package`; `within` gives the sha256 of its files in there. `needs`
    is a command to run first, `source` where the files lie, but for those with a place of their
    own in `elsewhere`.
    """

    name: str
    kinds: tuple[str, ...]
    licence: str
    source: str
    preprocessing: str = ""
    dimension: int | None = None
    needs: str = ""
    package: str = ""
    within: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    elsewhere: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Where its files are to lie."""
        return settings().models / self.name

    @property
    def is_on_disk(self) -> bool:
        """Whether all its files, or its package, are there."""
        if self.package and not _is_installed(self.package):
            return False
        return all((self.folder / name).is_file() for name in self.files)


@lru_cache
def entries() -> Mapping[str, Entry]:
    """The registry by name, in its order."""
    listed = tomllib.loads(REGISTRY.read_text())["model"]
    return {row["name"]: Entry(**{**row, "kinds": tuple(row["kinds"])}) for row in listed}


def _is_installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


def path(name: str, file: str) -> Path:
    """A file of a model of the registry, with the sha256 that it should have.

    ModelUnavailable, with the next step, if it is not on disk or has another.
    """
    entry = entries()[name]
    place = entry.folder / file
    if not place.is_file():
        raise ModelUnavailable(
            f"The model {name} is not on disk; run: pairlake models --fetch {name}"
        )
    _check(place, entry.files[file] or _noted(place) or _first_seen(place), name)
    return place


def packaged(name: str) -> list[Path]:
    """The files of a model that comes with a package, each with the sha256 that it should have.

    They are found without importing the package. ModelUnavailable, with the next step, if it is not
    installed or has others.
    """
    entry = entries()[name]
    try:
        package = distribution(entry.package)
    except PackageNotFoundError as error:
        raise ModelUnavailable(
            f"The model {name} comes with the package {entry.package}; run: {entry.needs}"
        ) from error
    places = [Path(str(package.locate_file(file))) for file in entry.within]
    for place, wanted in zip(places, entry.within.values(), strict=True):
        if (found := sha256(place) if place.is_file() else "") != wanted:
            raise ModelUnavailable(
                f"{place} has the sha256 {found or 'of no file'}, not {wanted}, and is not used; "
                f"run: pip install --force-reinstall '{entry.package}'"
            )
    return places


def check(name: str, folder: Path) -> None:
    """Hold the files of a model in its folder against the sha256 that each should have.

    ModelUnavailable, with the next step, if one has another, or is missing and in the registry.
    """
    for file in entries()[name].files if name in entries() else ():
        path(name, file)
    for note in folder.rglob(f"*{_NOTE}"):
        place = note.with_name(note.name.removesuffix(_NOTE))
        if place.is_file():
            _check(place, _noted(place), name)


def _check(place: Path, wanted: str, name: str) -> None:
    found = sha256(place)
    if wanted and found != wanted:
        raise ModelUnavailable(
            f"{place} has the sha256 {found}, not {wanted}, and is not used; delete it and run: "
            f"pairlake models --fetch {name}"
        )


def sha256(place: Path) -> str:
    """The sha256 of a file, in hexadecimal digits."""
    seen = place.stat()
    return _sha256(place, seen.st_size, seen.st_mtime_ns)


@lru_cache
def _sha256(place: Path, size: int, modified_ns: int) -> str:
    with place.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def fetch(entry: Entry, progress: Progress = lambda line: None) -> Iterable[str]:
    """Bring the files of a model that are not on disk; yields what it does, line by line.

    A file lands under its name when it is whole and has its sha256; JobFailed if it has another or
    cannot be fetched. BadRequest for a model that comes with a package.
    """
    if not entry.files:
        raise BadRequest(
            f"{entry.name} comes with the package {entry.package}"
            + (f"; run: {entry.needs}" if entry.needs else ", which is installed.")
        )
    for file, wanted in entry.files.items():
        place = entry.folder / file
        if place.is_file():
            _check(place, wanted or _noted(place) or _first_seen(place), entry.name)
            yield f"{file} is there"
            continue
        source = entry.elsewhere.get(file, entry.source + file)
        known = wanted or _noted(place)
        found = _download(source, place, known, progress)
        yield f"{file} has come, sha256 {found}" + ("" if known else _FIRST_SEEN)


def _download(url: str, place: Path, wanted: str, progress: Progress) -> str:
    part = place.with_name(place.name + ".part")
    found = download(url, part, progress)
    if wanted and found != wanted:
        forget(part)
        raise JobFailed(
            f"{url} has the sha256 {found}, not {wanted}; it is not kept. If its owner is known to "
            f"have changed it, delete {_note(place)} and fetch it again."
            if _noted(place)
            else f"{url} has the sha256 {found}, not {wanted}; it is not kept."
        )
    _note(place).write_text(found + "\n")
    part.rename(place)
    forget(part)
    return found


def _note(place: Path) -> Path:
    return place.with_name(place.name + _NOTE)


def _first_seen(place: Path) -> str:
    """Note the sha256 of a file that somebody put there, of which nobody knows it; and say so."""
    found = sha256(place)
    with suppress(OSError):  # a folder of others, which is looked at again the next time
        _note(place).write_text(found + "\n")
    click.echo(f"{place}, sha256 {found}{_FIRST_SEEN}", err=True)
    return found


def _noted(place: Path) -> str:
    note = _note(place)
    return note.read_text().strip() if note.is_file() else ""


def is_name(name: str) -> bool:
    """Whether `name` leads to a folder below PAIRLAKE_MODELS, and not out of it."""
    parts = PurePosixPath(name).parts
    return bool(parts) and not name.startswith((".", "/")) and ".." not in parts
