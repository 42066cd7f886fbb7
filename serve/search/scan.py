"""Reads from a published table what an answer needs: for as long as it is wanted, and so much."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pyarrow as pa
from lancedb.query import LanceQueryBuilder

from pairlake.lake.errors import BadRequest
from pairlake.serve.search.in_time import check_wanted, seconds_left
from pairlake.serve.search.published import Reader

MOST_BYTES = 256_000_000  # of what one scan gives
# What Lance may have read ahead of what is taken from it; its own bound is two gigabytes.
_AHEAD_BYTES = 64_000_000
_BATCH_ROWS = 1_024


def scan(reader: Reader, **asked: Any) -> pa.Table:
    """What a scan of Lance's gives; BadRequest if that is more than MOST_BYTES.

    It cannot be ended before its next batch: conditions on whole columns go to `ask`.
    """
    scanner = reader.dataset.scanner(batch_size=_BATCH_ROWS, io_buffer_size=_AHEAD_BYTES, **asked)
    return _taken(scanner.projected_schema, scanner.to_batches())


def ask(query: LanceQueryBuilder) -> pa.Table:
    """What a query of LanceDB's gives, which ends when its answer is given up.

    It takes some milliseconds more than `scan`.
    """
    batches = query.to_batches(batch_size=_BATCH_ROWS, timeout=timeout())
    return _taken(batches.schema, batches)


def timeout() -> timedelta:
    """How long a query may go on: a little longer than somebody waits for its answer."""
    return timedelta(seconds=seconds_left() + 1)


def _taken(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> pa.Table:
    taken, size = list[pa.RecordBatch](), 0
    for batch in batches:
        check_wanted()
        size += batch.nbytes
        if size > MOST_BYTES:
            raise BadRequest(
                f"The results take more than {MOST_BYTES:,} bytes; ask for fewer, or filter."
            )
        taken.append(batch)
    return pa.Table.from_batches(taken, schema)
