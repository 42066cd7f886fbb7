"""The loop that every job runs in: worklist → batches → a model → rows of `enriched`.

It registers the model, so that each score names what made it, and asserts that as many rows come
out as went in. Several devices are several processes, each with a part of the worklist.
"""

from __future__ import annotations

import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from itertools import islice, takewhile
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from tqdm import tqdm

from lake import processes
from lake.append import append
from lake.catalog import rows
from lake.errors import JobFailed, PairlakeError, TableMissing
from lake.processes import WorkerPool
from lake.settings import settings
from lake.tables import TABLES
from lake.worklist import worklist
from udfs.device import device_names
from udfs.job import Job, Model, ModelUnavailable, Udf
from udfs.landing import Landing

# How long a process for one of several devices may take, once interrupted, for the batch in hand
# and its commit.
GRACE_SECONDS = 30.0
# Batches that are prepared while one is scored, each on a thread: at least one to come and one at
# work, and no more than keep their pictures in little memory.
MIN_AHEAD, MAX_AHEAD = 2, 16

Progress = Callable[[str], None]


@dataclass(kw_only=True)
class JobSummary:
    """What came of one job: rows by outcome, and the models that it could not have."""

    outcomes: Counter[str] = field(default_factory=Counter)
    unavailable: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    device: str = ""

    def __str__(self) -> str:
        if not self.outcomes:
            return "nothing to do"
        scored, total = self.outcomes["ok"], self.outcomes.total()
        failed = ", ".join(
            f"{n:,} {name}" for name, n in self.outcomes.most_common() if name != "ok"
        )
        rate = f"{total / max(self.seconds, 1e-9):,.0f}/s on {self.device}"
        made = f"{total:,} = {scored:,} scored + {failed or '0 failed'}"
        return f"{made} in {self.seconds:.0f} s, {rate}"


def run_job(job: Job, *, progress: Progress = lambda message: None) -> JobSummary:
    """Do all that the job's worklist holds, for every model that the recipe names.

    A model that cannot be had leaves its rows on the worklist and its name in the summary, so
    that the other models' work is done. Raises TableMissing before the first `dbt build`, and
    JobFailed if a callable drops or adds rows, or fails on each row of a batch.
    """
    started = time.monotonic()
    summary = JobSummary()
    for name in _model_names(job.kind):
        try:
            model = job.identify(name)
            _register(model)
            _run_model(job, model, summary, progress)
        except ModelUnavailable as error:
            summary.unavailable[name] = error.message
    summary.seconds = time.monotonic() - started
    return summary


def _run_model(job: Job, model: Model, summary: JobSummary, progress: Progress) -> None:
    devices = device_names()
    if len(devices) == 1:
        part = _run_part(job, model, (0, 1), progress)
        summary.outcomes += part.outcomes
        summary.device = part.device or summary.device
        return
    summary.device, started = ", ".join(devices), time.monotonic()
    pool = WorkerPool(len(devices), grace_s=GRACE_SECONDS)
    try:
        waiting = {
            pool.submit(_run_part_on, device, _name(job), model, (number, len(devices)))
            for number, device in enumerate(devices)
        }
        while waiting:
            ended, waiting = wait(waiting, timeout=1.0, return_when=FIRST_COMPLETED)
            for future in ended:
                summary.outcomes += future.result().outcomes
            done, total = pool.counted
            progress(_bar(job, summary.device, done, total, started))
    finally:
        pool.end()


def _run_part_on(device: str, name: str, model: Model, part: tuple[int, int]) -> JobSummary:
    """Do one part of a job's worklist in this process, on that device."""
    from udfs.jobs import JOBS

    os.environ["PAIRLAKE_DEVICE"] = device
    return _run_part(JOBS[name], model, part, None)


def _run_part(
    job: Job, model: Model, part: tuple[int, int], progress: Progress | None
) -> JobSummary:
    """Do one part of the worklist; without `progress`, for a pool, which counts the rows."""
    summary = JobSummary()
    with worklist(
        job.worklist,
        batch_size=job.rows_at_once or settings().batch_size,
        model_id=model.model_id,
        read=job.read,
        part=part,
        part_by=_keys(job)[0],
    ) as work:
        if work.rows == 0:
            return summary
        if progress is None:
            processes.count(total=work.rows)
        udf = _loaded(job, model)
        summary.device = udf.device
        landing, started = Landing(job.table), time.monotonic()
        try:
            for scored in _scored(job, udf, work.batches, _ahead(part[1])):
                ids = pa.array([model.model_id] * scored.num_rows)
                landing.add(scored.append_column("model_id", ids))
                counts = pc.value_counts(scored["outcome"])
                summary.outcomes.update({c["values"].as_py(): c["counts"].as_py() for c in counts})
                if progress is None:
                    processes.count(done=scored.num_rows)
                else:
                    done = summary.outcomes.total()
                    progress(_bar(job, udf.device, done, work.rows, started))
                if processes.ending.is_set():
                    raise KeyboardInterrupt
        finally:
            # An interruption costs the batch in hand, and so does a failure.
            landing.commit()
    if summary.outcomes.total() != work.rows:
        raise JobFailed(
            f"{job.table}: {work.rows} rows were on the worklist, "
            f"{summary.outcomes.total()} came out."
        )
    return summary


def _loaded(job: Job, model: Model) -> Udf:
    try:
        return job.load(model)
    except PairlakeError:
        raise
    except Exception as error:
        # What is in its files is for the libraries that read them.
        raise ModelUnavailable(
            f"{model.name} is on disk and does not load ({_words(error)})."
        ) from error


def _bar(job: Job, device: str, done: int, total: int, started: float) -> str:
    bar: str = tqdm.format_meter(
        done,
        total,
        time.monotonic() - started,
        ncols=100,
        prefix=f"{_name(job)} on {device}",
        unit=" rows",
    )
    return bar


def _name(job: Job) -> str:
    return job.table.removeprefix("enriched.")


def _keys(job: Job) -> list[str]:
    """The columns that name a row of the job's table, beside the model."""
    return list(takewhile(lambda column: column != "model_id", TABLES[job.table]))


def _scored(
    job: Job, udf: Udf, batches: Iterator[pa.RecordBatch], ahead: int
) -> Iterator[pa.Table]:
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
            yield _finite(rows)
            queue.extend(map(begin, islice(batches, 1)))


def _ahead(parts: int) -> int:
    """How many batches are prepared at once: the processors, shared out among the parts."""
    threads = (os.cpu_count() or 1) // parts
    return min(max(threads, MIN_AHEAD), MAX_AHEAD)


def _rows(job: Job, udf: Udf, batch: pa.RecordBatch, prepared: Future[Any]) -> pa.Table:
    """What `udf` makes of a batch, where a row that it fails on costs itself only.

    JobFailed if not a row is to blame, but the model or its device.
    """
    try:
        return udf.score(prepared.result())
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
        return udf(batch)
    except PairlakeError:
        raise
    except Exception as error:  # noqa: BLE001 - as above
        _raise_for_device(job, error)
        return _halves(job, udf, batch) if batch.num_rows > 1 else _failed(job, batch, error)


def _failed(job: Job, row: pa.RecordBatch, error: Exception) -> pa.Table:
    keys = {name: row[name] for name in _keys(job) if name in row.schema.names}
    return pa.table({**keys, "outcome": ["failed"], "error": [_words(error)]})


def _raise_for_device(job: Job, error: Exception) -> None:
    """JobFailed if a device or the memory has failed: no row is to blame, and none may be lost."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if kinds & {"MemoryError", "OutOfMemoryError", "AcceleratorError"} or "CUDA" in str(error):
        raise _job_failed(job, "the device failed", error) from error


def _job_failed(job: Job, what: str, error: Exception) -> JobFailed:
    return JobFailed(
        f"{job.table}: {what} ({_words(error)}). What was made before is kept; run it again once "
        "that is mended."
    )


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]


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


def _model_names(kind: str) -> list[str]:
    try:
        found = rows(
            "select name from lake.intermediate.int_recipe_models where kind = ? order by name",
            [kind],
        )
    except duckdb.CatalogException as error:
        raise TableMissing("The recipe is not in the lake yet; run: dbt build") from error
    return [name for (name,) in found]


def _register(model: Model) -> None:
    """Make the model the current one of its name and kind, unless it is already."""
    current = rows(
        "select max_by(model_id, landed_at) from lake.enriched.models where kind = ? and name = ?",
        [model.kind, model.name],
    )
    if current != [(model.model_id,)]:
        row = {"model_id": model.model_id, **asdict(model)}
        append({"enriched.models": pa.Table.from_pylist([row])})
