"""Write the dataset as Parquet in LAION's columns: one file, or the folders of its releases.

`pairlake export` runs it. img2dataset reads either with `--url_col URL --caption_col TEXT`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from lake.errors import PairlakeError
from serve.marts import marts

# The folders of LAION-5B's releases, by split.
FOLDERS = {"en": "laion2B-en", "multi": "laion2B-multi", "nolang": "laion1B-nolang"}
_PARTS = "compression snappy, filename_pattern 'part-{i}', file_size_bytes '500MB'"

_ALL_COLUMNS = {
    # Not a key: one of LAION's rows had it, and 64 bits of ours stand in its place.
    "SAMPLE_ID": "unhex(replace(pair_id::varchar, '-', '')[:16])::bit::bigint",
    "URL": "image_url",
    "TEXT": "caption",
    "HEIGHT": "height",
    "WIDTH": "width",
    # LAION writes a question mark where the page names no licence.
    "LICENSE": "coalesce(license_url, '?')",
    # The tag of 2021, by prompts, which nobody makes any more; punsafe took its place.
    "NSFW": "null::varchar",
    "similarity": "similarity::double",
    "LANGUAGE": "language",
    "hash": "hash",
    "pwatermark": "pwatermark",
    "punsafe": "punsafe",
}
# As they stand in LAION's files; of the three splits only `multi` has LANGUAGE.
_LAYOUTS = {
    "release": "SAMPLE_ID URL TEXT HEIGHT WIDTH LICENSE NSFW similarity LANGUAGE",
    "joined": "URL TEXT WIDTH HEIGHT similarity LANGUAGE hash pwatermark punsafe",
}
LAYOUTS = tuple(_LAYOUTS)


def export(destination: Path, *, split: str | None) -> int:
    """Write the kept pairs, or those of one split, to a Parquet file; returns their number.

    The columns are those of the joined release. The file appears whole or not at all. Raises
    TableMissing before the first `dbt build`, and PairlakeError if it cannot be written.
    """
    if destination.is_dir() or not destination.parent.is_dir():
        raise PairlakeError(
            f"{destination} cannot be written: give a file in a folder that exists, "
            "as in: pairlake export pairs.parquet"
        )
    partial = _partial(destination)
    try:
        with _explained(destination, "a file"), marts() as con:
            query = _query("joined", split, with_language=True)
            rows = _copy(con, query, partial, "compression zstd")
            partial.replace(destination)
    finally:
        partial.unlink(missing_ok=True)
    return rows


def export_release(destination: Path, *, layout: str, split: str | None) -> dict[Path, int]:
    """Write a folder of Parquet parts per split, laid out as LAION's; returns the pairs of each.

    `layout` is one of LAYOUTS. Folders of an earlier export are replaced when all of the new ones
    are whole. Raises TableMissing before the first `dbt build`, and PairlakeError if `destination`
    cannot be written, or has such a folder with something else in it.
    """
    ending = "-joined" if layout == "joined" else ""
    names = [name for name in FOLDERS if split in (None, name)]
    folders = {name: destination / (FOLDERS[name] + ending) for name in names}
    partials = {name: _partial(folder) for name, folder in folders.items()}
    rows = {}
    try:
        with _explained(destination, "a folder"), marts() as con:
            destination.mkdir(parents=True, exist_ok=True)
            for folder in folders.values():
                _check_replaceable(folder)
            for name, partial in partials.items():
                query = _query(layout, name, with_language=name == "multi")
                rows[folders[name]] = _copy(con, query, partial, _PARTS)
            for name, folder in folders.items():
                shutil.rmtree(folder, ignore_errors=True)
                partials[name].replace(folder)
    finally:
        for partial in partials.values():
            shutil.rmtree(partial, ignore_errors=True)
    return rows


def _query(layout: str, split: str | None, *, with_language: bool) -> str:
    names = [name for name in _LAYOUTS[layout].split() if name != "LANGUAGE" or with_language]
    columns = ", ".join(f'{_ALL_COLUMNS[name]} as "{name}"' for name in names)
    which = "" if split is None else f" where split = '{split}'"
    return f"select {columns} from lake.marts.pairs{which}"


def _copy(con: duckdb.DuckDBPyConnection, query: str, path: Path, options: str) -> int:
    quoted = str(path).replace("'", "''")
    counted = con.execute(f"copy ({query}) to '{quoted}' (format parquet, {options})").fetchone()
    return int(counted[0]) if counted else 0


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.partial")


def _check_replaceable(folder: Path) -> None:
    """A folder may be replaced if an export wrote all that is in it."""
    if folder.exists() and not (
        folder.is_dir() and all(file.match("part-*.parquet") for file in folder.iterdir())
    ):
        raise PairlakeError(
            f"{folder} would be replaced, but holds something that no export wrote; "
            "move it away, or give another folder."
        )


@contextmanager
def _explained(destination: Path, kind: str) -> Iterator[None]:
    try:
        yield
    except (duckdb.IOException, OSError) as error:
        where = "in a folder that exists and can be written" if kind == "a file" else "to write in"
        raise PairlakeError(
            f"{destination} cannot be written ({str(error).splitlines()[0]}); give {kind} {where}."
        ) from error
