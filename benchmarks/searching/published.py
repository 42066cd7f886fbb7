"""Publishes a world to a search index: `HOME ROWS DIMENSIONS ENCODER`; prints what it took.

The rows come from the world instead of a lake; all else is what `pairlake publish` does.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from benchmarks.searching.worlds import COLUMNS, Block, World, pair_ids
from pairlake.serve.search.index import (
    PAIRS,
    Publication,
    clean,
    describe,
    pairs_indexes,
    pairs_schema,
    settle,
    show,
    writing,
)


def main(home: str, rows: int, dimensions: int, encoder: str) -> None:
    """Write the rows, build the indexes, and let readers see them."""
    schema, spent = pairs_schema(COLUMNS, dimensions), dict.fromkeys(("rows_s", "rows_cpu_s"), 0.0)
    with writing(Path(home) / "search") as db:
        table = db.create_table(PAIRS, schema=schema)
        for block in World(dimensions).blocks(rows):
            pairs = _pairs(block, schema)
            wall, cpu = time.perf_counter(), _cpu_s()
            table.add(pairs)
            spent["rows_s"] += time.perf_counter() - wall
            spent["rows_cpu_s"] += _cpu_s() - cpu
        wall, cpu = time.perf_counter(), _cpu_s()
        settle(table, pairs_indexes(schema))
        spent["indexes_s"] = time.perf_counter() - wall
        spent["indexes_cpu_s"] = _cpu_s() - cpu
        describe(table, _publication(rows, dimensions, encoder))
        show(table)
        # As the next publication would, once no reader is on the files before they were merged.
        clean(table, older_than=timedelta(0), unverified=True)
    print(json.dumps(spent))


def _cpu_s() -> float:
    """CPU seconds of this process, and of those that have worked for it and ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _pairs(block: Block, schema: pa.Schema) -> pa.Table:
    rows = len(block.images)
    ids = pair_ids(block.first, rows)
    columns = {
        "pair_id": pa.array(ids, pa.binary(16)),
        "image_id": pa.array(ids, pa.binary(16)),
        "fingerprint": pa.array(ids, pa.binary(16)),
        "sample_id": pa.array(range(block.first, block.first + rows), pa.int64()),
        **block.facts,
    }
    columns["facts"] = COLUMNS.packed(columns)
    for name, vectors in (("image_vector", block.images), ("caption_vector", block.captions)):
        flat = pa.array(vectors.reshape(-1))
        columns[name] = pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])
    return pa.table([columns[field.name] for field in schema], schema=schema)


def _publication(rows: int, dimensions: int, encoder: str) -> Publication:
    return Publication(
        published_at=datetime.now(UTC).replace(microsecond=0).isoformat(),
        rows=rows,
        found_only=0,
        images=rows,
        splits={"en": rows},
        image_encoder=encoder,
        caption_encoder=encoder,
        aesthetic_head=None,
        dimensions=dimensions,
        recipe="bench",
        snapshot=0,
        scores=list(COLUMNS.scores),
        dataset={},
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
