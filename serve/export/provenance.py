"""Says beside an export what it was made of, and how to make it again; knows it by that."""

from __future__ import annotations

import hashlib
import os
import shlex
import stat
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from pairlake.serve.export.selection import Selection
from pairlake.serve.export.snapshot import Snapshot

# Its own ending, so that no reader of a folder of lists takes it for one.
_ENDING = ".provenance"
IN_FOLDER = "provenance.json"
_ATTRIBUTION = "ATTRIBUTION.csv"
_ATTRIBUTION_ENDING = ".attribution"
# What is exported from where nothing else is said, and what goes without saying.
_USUAL = Selection().source


def beside(file: Path) -> Path:
    """Where the provenance of an export to one file stands."""
    return file.with_name(file.name + _ENDING)


def attribution(made: Path) -> Path:
    """Where the attributions of an export stand: in its folder, or beside its file."""
    if made.is_dir():
        return made / _ATTRIBUTION
    return made.with_name(made.name + _ATTRIBUTION_ENDING)


def provenance(
    name: str, told: dict[str, Any], selection: Selection, snapshot: Snapshot
) -> dict[str, Any]:
    """What an export named `name` is made of, for JSON: `told` of it, and what was asked.

    Of `told`, what is empty is left out.
    """
    query = {
        "from": selection.source if selection.source != _USUAL else None,
        "split": selection.split,
        "where": list(selection.where),
        "sql": selection.sql,
        "search": selection.search,
        "limit": selection.limit,
    }
    return {
        **{key: value for key, value in told.items() if value not in ({}, None)},
        "query": {key: value for key, value in query.items() if value},
        "recipe": snapshot.recipe,
        "snapshot": snapshot.id,
        "snapshot_time": snapshot.time.isoformat(),
        "takedowns_until_snapshot": snapshot.takedowns_until,
        "pairlake": version("pairlake"),
        "again": _command(name, told["format"], selection, snapshot),
    }


def write(made: Path, told: dict[str, Any]) -> None:
    """Write the provenance of an export to a file beside it, or to a folder in it.

    It has the sha256 of the file and of its attributions, or of each file, so that one can see
    whether they belong together.
    """
    if made.is_dir():
        target = made / IN_FOLDER
        files = sorted(path for path in made.rglob("*") if path.is_file())
        sums = {str(path.relative_to(made)): _sha256(path) for path in files}
        told = {**told, "files": sums}
    else:
        target = beside(made)
        told = {**told, "sha256": _sha256(made)}
        if attribution(made).exists():
            told["attribution_sha256"] = _sha256(attribution(made))
    target.write_bytes(msgspec.json.format(msgspec.json.encode(told), indent=2) + b"\n")


def is_provenance(path: Path) -> bool:
    """Whether an export wrote this file, to say what it had made."""
    return _told(path) is not None


def belong_together(file: Path, provenance: Path) -> bool:
    """Whether a provenance is that of a file as it is now."""
    told = _told(provenance)
    return told is not None and _is_plain(file) and told.get("sha256") == _sha256(file)


def has_attributions(provenance: Path) -> bool:
    """Whether a provenance is that of a file with attributions beside it."""
    return "attribution_sha256" in (_told(provenance) or {})


def are_attributions(path: Path, provenance: Path) -> bool:
    """Whether this file is the attributions of which a provenance tells, as they were written."""
    told = _told(provenance)
    return told is not None and _is_plain(path) and told.get("attribution_sha256") == _sha256(path)


def bring(made: Path, file: Path) -> None:
    """Move to a file what was made beside it, its provenance last.

    What stands there of an export before, which had attributions, goes where this one has none.
    """
    left, there = attribution(made), attribution(file)
    if left.exists():
        left.replace(there)
    elif not has_attributions(beside(made)) and are_attributions(there, beside(file)):
        there.unlink()
    beside(made).replace(beside(file))


def wrote(made: Path, format: str | None = None) -> bool:
    """Whether an export wrote this file, or this folder in that format, and all is as it was."""
    if not made.is_dir():
        return belong_together(made, beside(made))
    told = _told(made / IN_FOLDER)
    if told is None or told["format"] != format:
        return False
    sums = told.get("files")
    if not isinstance(sums, dict):
        return False
    folders = {str(parent) for name in sums for parent in Path(name).parents}
    folders |= set(told.get("parts", {}))
    for path in made.rglob("*"):
        name = str(path.relative_to(made))
        if path.is_dir() and not path.is_symlink():
            if name not in folders:
                return False
        elif name != IN_FOLDER and not (name in sums and _is_plain(path)):
            return False
    return all(
        _sha256(made / name) == sha256
        for name, sha256 in sums.items()
        if os.path.lexists(made / name)
    )


def altered(made: Path) -> list[str]:
    """Why a file or a folder is not as an export wrote it, in sentences; none if it is."""
    told = _told(made / IN_FOLDER if made.is_dir() else beside(made))
    if told is None:
        return [
            f"{made} has no provenance beside it that says how it was exported; export it anew."
        ]
    if wrote(made, told["format"]):
        sums = told.get("files", {}) if made.is_dir() else {}
        missing = [name for name in sums if not (made / name).exists()]
        alone = not made.is_dir() and has_attributions(beside(made))
        if not missing and (not alone or are_attributions(attribution(made), beside(made))):
            return []
    return [f"{made} is not as it was exported; to make it again, run: {told['again']}"]


def _told(path: Path) -> dict[str, Any] | None:
    """What a provenance says; None if it is not one."""
    if not _is_plain(path):
        return None
    try:
        told = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    is_ours = isinstance(told, dict) and {"format", "snapshot", "pairlake", "again"} <= told.keys()
    return told if is_ours else None


def _is_plain(path: Path) -> bool:
    """Whether it is a file: no folder, link, device or pipe."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _command(name: str, format: str, selection: Selection, snapshot: Snapshot) -> str:
    words = ["pairlake", "export", name, "--format", format]
    if selection.source != _USUAL:
        words += ["--from", selection.source]
    if selection.split is not None:
        words += ["--split", selection.split]
    for text in selection.where:
        words += ["--where", text]
    for option, value in (("--sql", selection.sql), ("--search", selection.search)):
        words += [option, value] if value is not None else []
    if selection.limit is not None:
        words += ["--limit", str(selection.limit)]
    return shlex.join([*words, "--snapshot", str(snapshot.id)])
