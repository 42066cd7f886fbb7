"""Sees whether the lake's files are there and as they were written. `pairlake verify`."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from pairlake.lake.catalog import connect, locked
from pairlake.lake.errors import JobFailed, first_line
from pairlake.lake.identity import METADATA, NAMED
from pairlake.lake.settings import settings

# The files as the catalog has them, and as their place has them.
_FILES = f"""
with named as ({NAMED.format(METADATA)}),
found as (
    select filename[length($tables) + 2:] as path, size
    from read_blob($tables || '/*/**/ducklake-*')
)
select
    count(*) as files,
    list(named.path order by named.path) filter (found.path is null) as missing,
    list(named.path order by named.path) filter (found.size != named.size) as damaged
from named
left join found on named.path = found.path
"""
_PIXELS = """
select
    count(pixels_sha256) as checked,
    count(*) - count(pixels_sha256) as unknown,
    list(image_id::varchar order by image_id)
        filter (sha256(pixels) != lower(hex(pixels_sha256))) as damaged
from lake.raw.image_pixels
"""


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What was looked at, and a sentence for each thing that is not as it was written."""

    files: int
    pixels: int
    unknown: int  # pixels that landed without a sum
    problems: list[str]

    def __str__(self) -> str:
        text = f"{self.files:,} files and the pixels of {self.pixels:,} pictures looked at"
        return text + (f"; {self.unknown:,} landed without a sum" if self.unknown else "")


def check_files() -> None:
    """Raise JobFailed where a file that the catalog names is not there, or not in its size."""
    # Whoever tidies meanwhile takes files away.
    with locked(settings()):
        con = connect(read_only=True)
        try:
            _, problems = _files(con)
        finally:
            con.close()
    if problems:
        raise JobFailed(" ".join(problems))


def verify() -> Verified:
    """Look at every file that the catalog names, and read all pixels."""
    con = connect(read_only=True)
    try:
        files, problems = _files(con)
        checked = unknown = 0
        if not problems:
            # What cannot be read at all ends the query.
            checked, unknown, pixels = con.execute(_PIXELS).fetchall()[0]
            problems = _said("pictures have other pixels than those that landed", pixels)
    except duckdb.Error as error:
        problems = [f"The lake cannot be read ({first_line(error)})."]
        files = checked = unknown = 0
    finally:
        con.close()
    return Verified(files=files, pixels=checked, unknown=unknown, problems=problems)


def _files(con: duckdb.DuckDBPyConnection) -> tuple[int, list[str]]:
    files, missing, damaged = con.execute(_FILES, {"tables": settings().tables}).fetchall()[0]
    problems = _said("files are not there", missing)
    return files, problems + _said("files have another size than when they were written", damaged)


def _said(what: str, found: list[str] | None) -> list[str]:
    if not found:
        return []
    return [
        f"{len(found):,} {what} ({', '.join(found[:3])}): put them back from a copy of yours, or "
        "go back to a backup that does not name them with: pairlake restore"
    ]
