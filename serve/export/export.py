"""Takes pairs home: as lists, with pictures or vectors, as LAION's release, as DataComp's uids.

`pairlake export` runs it; docs/export.md says what reads each format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from pairlake.lake.errors import BadRequest, PairlakeError, first_line
from pairlake.lake.settings import settings
from pairlake.serve.export import listed
from pairlake.serve.export.attribution import is_asked_for, write_attributions
from pairlake.serve.export.datacomp import write_uids
from pairlake.serve.export.destination import placed
from pairlake.serve.export.embeddings import write_embeddings
from pairlake.serve.export.laion import LAYOUTS, OFFERED, write_list, write_release
from pairlake.serve.export.provenance import attribution, provenance, write
from pairlake.serve.export.selection import Encoder, Selected, Selection, select
from pairlake.serve.export.snapshot import Snapshot, opened
from pairlake.serve.export.webdataset import write_shards

# Each format, and whether it is a folder of files.
FORMATS = {
    "parquet": False,
    "csv": False,
    "jsonl": False,
    "webdataset": True,
    "embeddings": True,
    "release": True,
    "joined": True,
    "datacomp": False,
}
_ALL = Selection()
_ENDINGS = {".parquet": "parquet", ".csv": "csv", ".jsonl": "jsonl", ".npy": "datacomp"}


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What an export wrote: how many rows, in which folders, and what it left out, by reason."""

    rows: int
    snapshot: int
    parts: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    encoders: dict[str, str] = field(default_factory=dict)  # that made the vectors in it

    def __str__(self) -> str:
        parts = [f"{rows:,} in {name}" for name, rows in self.parts.items()]
        left = [f"{pairs:,} {reason}" for reason, pairs in self.left_out.items()]
        return (
            f"{self.rows:,} pairs of snapshot {self.snapshot}"
            + (f": {', '.join(parts)}" if parts else "")
            + (f"; left out: {', '.join(left)}" if left else "")
        )


def export(
    destination: Path,
    selection: Selection = _ALL,
    *,
    format: str | None = None,
    snapshot: int | None = None,
    encoder: Encoder | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Exported:
    """Write the selected pairs of a snapshot, or of now, to `destination`, whole or not at all.

    `format` is one of FORMATS; without it the destination's ending decides. The same selection of
    the same snapshot gives the same bytes, less what has been taken down since. Raises BadRequest
    for what cannot be asked, TableMissing before the first `dbt build`, and PairlakeError if the
    export cannot be written.
    """
    named = format or _format(destination)
    if selection.source == listed.MART:
        listed.check(named, selection.search)
    with (
        _explained(destination),
        opened(snapshot, selection.source) as (con, of),
        placed(destination, format=named, is_folder=FORMATS[named]) as made,
    ):
        selected = select(con, selection, encoder)
        exported = _written(con, made, named, of, selected, progress)
        if selection.source != listed.MART and is_asked_for(con):
            write_attributions(con, attribution(made))
        told = {
            "format": named,
            "rows": exported.rows,
            "parts": exported.parts,
            "left_out": exported.left_out,
            "encoders": selected.encoders | exported.encoders,
        }
        write(made, provenance(destination.name, told, selection, of))
    return exported


def _written(
    con: duckdb.DuckDBPyConnection,
    made: Path,
    format: str,
    of: Snapshot,
    selected: Selected,
    progress: Callable[[str], None],
) -> Exported:
    con.execute(OFFERED)
    parts, left_out, encoders = dict[str, int](), dict(selected.left_out), dict[str, str]()
    if format == "datacomp":
        rows, left_out["uid_of_another"] = write_uids(con, made)
    elif format == "webdataset":
        rows, unseen = write_shards(con, made, of.time, progress)
        left_out |= unseen
    elif format == "embeddings":
        rows, left_out["not_embedded"], encoders = write_embeddings(con, made, progress)
    elif format in LAYOUTS:
        parts = write_release(con, made, format, selected.selection.split)
        rows = sum(parts.values())
    else:
        rows = write_list(con, made, format)
    left_out = {reason: pairs for reason, pairs in left_out.items() if pairs}
    return Exported(rows=rows, snapshot=of.id, parts=parts, left_out=left_out, encoders=encoders)


def _format(destination: Path) -> str:
    ending = destination.suffix.lower()
    if ending not in _ENDINGS:
        raise BadRequest(
            f"{destination} does not say in which format to write; give --format, one of "
            f"{', '.join(FORMATS)}, or a name that ends in {', '.join(_ENDINGS)}."
        )
    return _ENDINGS[ending]


@contextmanager
def _explained(destination: Path) -> Iterator[None]:
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise PairlakeError(
            f"{destination} takes more memory than DuckDB may have here "
            f"({first_line(error)}); set PAIRLAKE_MEMORY_LIMIT higher."
        ) from error
    except (duckdb.Error, OSError) as error:
        if _is_overtaken(error):
            raise PairlakeError(
                f"{destination} is left as it was: the snapshot that was exported has gone "
                f"meanwhile, or a file of it ({first_line(error)}), as they do when "
                "`pairlake maintain` runs; run the export again."
            ) from error
        if not isinstance(error, duckdb.IOException | OSError):
            raise
        raise PairlakeError(
            f"{destination} cannot be written ({first_line(error)}); see that there is "
            "room and that you may write there, and run it again."
        ) from error


def _is_overtaken(error: Exception) -> bool:
    """Whether what was read of the lake is not there any more."""
    said = str(error)
    return settings().tables in said or "No snapshot found" in said
