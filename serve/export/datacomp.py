"""Writes which samples a subset has, as DataComp's resharder reads it: sorted 128-bit uids."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np

from pairlake.serve.export.npy import begin

# The source's own uid, where it is one of DataComp's.
UID = """
if(
    regexp_full_match(pairs.source_id, '[0-9a-fA-F]{32}'),
    lower(pairs.source_id),
    replace(pairs.pair_id::varchar, '-', '')
)
"""
# The upper and the lower half of a uid.
_HALVES = np.dtype("u8,u8")
_BATCH_ROWS = 100_000


def write_uids(con: duckdb.DuckDBPyConnection, path: Path) -> tuple[int, int]:
    """Write the uids of `selected` to a npy file of `u8,u8`, ascending, each once.

    Returns how many there are, and how many pairs had the uid of another.
    """
    con.execute(
        f"create temp table uids as select {UID}::uuid as uid, count(*) as pairs "
        "from shown as pairs "
        "inner join selected on pairs.pair_id = selected.pair_id group by 1"
    )
    counted = con.execute("select count(*), coalesce(sum(pairs), 0) from uids").fetchall()
    ((rows, pairs),) = counted
    with path.open("wb") as file:
        begin(file, _HALVES, (rows,))
        for batch in con.execute("select uid from uids order by uid").to_arrow_reader(_BATCH_ROWS):
            halves = np.frombuffer(b"".join(batch["uid"].storage.to_pylist()), ">u8")
            file.write(halves.astype("u8").tobytes())
    return int(rows), int(pairs - rows)
