"""Batches through a model: prepared ahead, as many rows out as in, and a failure costs its row."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pairlake.lake.errors import JobFailed, PairlakeError, in_words
from pairlake.udfs.job import Job, Model, ModelUnavailable, Udf

# Batches that are prepared while one is scored, each on a thread: at least one to come and one at
# work, and no more than keep their pictures in little memory.
MIN_AHEAD, MAX_AHEAD = 2, 16


def loaded(job: Job, model: Model) -> Udf:
    """The callable of a model; ModelUnavailable if its files do not load."""
    try:
        return job.load(model)
    except PairlakeError:
        raise
    except Exception as error:
        # What is in its files is for the libraries that read them.
        raise ModelUnavailable(
            f"{model.name} is on disk and does not load ({in_words(error)})."
        ) from error


def scored(job: Job, udf: Udf, batches: Iterator[pa.RecordBatch], ahead: int) -> Iterator[pa.Table]:
    """The rows of each batch, in their order; the next `ahead` are prepared meanwhile."""
    with ThreadPoolExecutor(ahead) as threads:

        def begin(batch: pa.RecordBatch) -> tuple[pa.RecordBatch, Future[Any]]:
            return batch, threads.submit(udf.prepare, batch)

        queue = deque(map(begin, islice(batches, ahead)))
        while queue:
            batch, prepared = queue.popleft()
            rows = _rows(job, udf, batch, prepared)
            if rows.num_rows != batch.num_rows:
                raise JobFailed(
                    f"{job.table}: {rows.num_rows} rows came of {batch.num_rows}; "
                    "nothing of this batch is kept. This is a fault in the job's file in udfs/."
                )
            yield rows
            queue.extend(map(begin, islice(batches, 1)))


def ahead_of(parts: int) -> int:
    """How many batches are prepared at once: the processors, shared out among the parts."""
    threads = (os.cpu_count() or 1) // parts
    return min(max(threads, MIN_AHEAD), MAX_AHEAD)


def _rows(job: Job, udf: Udf, batch: pa.RecordBatch, prepared: Future[Any]) -> pa.Table:
    """What `udf` makes of a batch, where a row that it fails on costs itself only.

    JobFailed if not a row is to blame, but the model or its device.
    """
    try:
        return _finite(udf.score(prepared.result()))
    except PairlakeError:
        raise
    except Exception as error:
        # A row of strangers' data may raise anything.
        _raise_for_device(job, error)
        rows = _halves(job, udf, batch) if batch.num_rows > 1 else _failed(job, batch, error)
        outcomes = Counter(rows["outcome"].to_pylist())
        if outcomes["failed"] > 1 and not outcomes["ok"]:
            raise _job_failed(job, "the model fails on every row of a batch", error) from error
        return rows


def _halves(job: Job, udf: Udf, batch: pa.RecordBatch) -> pa.Table:
    middle = batch.num_rows // 2
    parts = [_salvaged(job, udf, part) for part in (batch.slice(0, middle), batch.slice(middle))]
    return pa.concat_tables(parts, promote_options="permissive")


def _salvaged(job: Job, udf: Udf, batch: pa.RecordBatch) -> pa.Table:
    """What `udf` makes of a part of a batch on which it failed; it is halved down to the rows."""
    try:
        return _finite(udf(batch))
    except PairlakeError:
        raise
    except Exception as error:  # noqa: BLE001 - as above
        _raise_for_device(job, error)
        return _halves(job, udf, batch) if batch.num_rows > 1 else _failed(job, batch, error)


def _failed(job: Job, row: pa.RecordBatch, error: Exception) -> pa.Table:
    named = {name: row[name] for name in job.keys if name in row.schema.names}
    return pa.table({**named, "outcome": ["failed"], "error": [in_words(error)]})


def _raise_for_device(job: Job, error: Exception) -> None:
    """JobFailed if a device or the memory has failed: no row is to blame, and none may be lost."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if kinds & {"MemoryError", "OutOfMemoryError", "AcceleratorError"} or "CUDA" in str(error):
        raise _job_failed(job, "the device failed", error) from error


def _job_failed(job: Job, what: str, error: Exception) -> JobFailed:
    return JobFailed(
        f"{job.table}: {what} ({in_words(error)}). What was made before is kept; run it again once "
        "that is mended."
    )


def _finite(rows: pa.Table) -> pa.Table:
    """Rows whose score is no number get the outcome not_finite, and no score."""
    for place, column in enumerate(rows.schema):
        values, is_ok = rows[column.name], pc.equal(rows["outcome"], "ok")
        if pa.types.is_floating(column.type):
            is_broken = pc.fill_null(pc.invert(pc.is_finite(values)), False)
        elif pa.types.is_binary(column.type):
            # An embedding is null where it is not finite (lake/vectors.py).
            is_broken = pc.and_(is_ok, pc.is_null(values))
        else:
            continue
        if pc.any(is_broken).as_py():
            outcomes = pc.if_else(is_broken, "not_finite", rows["outcome"])
            empty = pa.scalar(None, column.type)
            rows = rows.set_column(place, column.name, pc.if_else(is_broken, empty, values))
            at = rows.column_names.index("outcome")
            rows = rows.set_column(at, "outcome", outcomes)
    return rows
