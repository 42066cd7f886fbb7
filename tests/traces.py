"""Looks for bytes in every file under a lake, whether anything refers to it or not."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from lance.file import LanceFileReader


def found(home: Path, traces: dict[str, bytes]) -> dict[str, list[Path]]:
    """Which traces are held by which files under a lake, as they are or once decoded."""
    holders: dict[str, list[Path]] = {}
    for path in sorted(path for path in home.rglob("*") if path.is_file()):
        contents = [path.read_bytes(), *_decoded(path)]
        for name, trace in traces.items():
            if any(trace in content for content in contents):
                holders.setdefault(name, []).append(path)
    return holders


def _decoded(path: Path) -> Iterator[bytes]:
    """What a file says beside its plain bytes.

    Columns of Parquet and Lance files as they lie in memory, values of SQLite: what is long or
    compressed cannot be found in the bytes of a page.
    """
    if path.suffix == ".parquet":
        yield from _buffers(pq.read_table(path, partitioning=None))
    elif path.suffix == ".lance" and path.parent.name == "data":
        yield from _buffers(LanceFileReader(str(path)).read_all().to_table())
    elif path.suffix == ".sqlite":
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as con:
            tables = con.execute("select name from sqlite_master where type = 'table'")
            for (table,) in tables.fetchall():
                for row in con.execute(f'select * from "{table}"'):
                    yield "\0".join(map(str, row)).encode()
                    yield from (value for value in row if isinstance(value, bytes))


def _buffers(table: pa.Table) -> Iterator[bytes]:
    for column in table.columns:
        for chunk in column.chunks:
            yield from (bytes(buffer) for buffer in chunk.buffers() if buffer is not None)
