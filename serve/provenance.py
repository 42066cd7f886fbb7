"""Says beside an export what it was made of, and how to make it again."""

from __future__ import annotations

import hashlib
import shlex
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from serve.selection import Selection
from serve.snapshot import Snapshot

# Its own ending, so that no reader of a folder of lists takes it for one.
_ENDING = ".provenance"
IN_FOLDER = "provenance.json"


def beside(file: Path) -> Path:
    """Where the provenance of an export to one file stands."""
    return file.with_name(file.name + _ENDING)


def provenance(
    name: str, told: dict[str, Any], selection: Selection, snapshot: Snapshot
) -> dict[str, Any]:
    """What an export named `name` is made of, for JSON: `told` of it, and what was asked.

    Of `told`, what is empty is left out.
    """
    query = {
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

    A file's has its sha256, so that one can see whether they belong together.
    """
    if made.is_dir():
        target = made / IN_FOLDER
    else:
        target = beside(made)
        with made.open("rb") as file:
            told = {**told, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}
    target.write_bytes(msgspec.json.format(msgspec.json.encode(told), indent=2) + b"\n")


def _command(name: str, format: str, selection: Selection, snapshot: Snapshot) -> str:
    words = ["pairlake", "export", name, "--format", format]
    if selection.split is not None:
        words += ["--split", selection.split]
    for text in selection.where:
        words += ["--where", text]
    for option, value in (("--sql", selection.sql), ("--search", selection.search)):
        words += [option, value] if value is not None else []
    if selection.limit is not None:
        words += ["--limit", str(selection.limit)]
    return shlex.join([*words, "--snapshot", str(snapshot.id)])
