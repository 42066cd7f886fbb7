"""The loop that every job runs in: worklist → batches → a model → rows of `enriched`.

It registers the model, so that each score names what made it, and asserts that as many rows come
out as went in. Several devices are several processes, each with a part of the worklist; on a Ray
cluster its processes do the parts (udfs/parts.py).
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from pairlake.lake import processes
from pairlake.lake.append import append
from pairlake.lake.catalog import rows
from pairlake.lake.errors import JobFailed, TableMissing
from pairlake.lake.processes import WorkerPool, first_done
from pairlake.lake.progress import bar
from pairlake.lake.settings import settings
from pairlake.lake.worklist import Worklist, worklist
from pairlake.udfs.device import device_names
from pairlake.udfs.job import RATINGS, Job, Model, ModelUnavailable
from pairlake.udfs.jobs import find
from pairlake.udfs.landing import Landing
from pairlake.udfs.parts import Parts
from pairlake.udfs.scoring import ahead_of, loaded, scored

# How long a process for one of several devices may take, once interrupted, for the batch in hand
# and its commit.
GRACE_SECONDS = 30.0

Progress = Callable[[str], None]


@dataclass(kw_only=True)
class JobSummary:
    """What came of one job: rows by outcome, and the models that it could not have.

    `failure` is the first error of a row that nobody foresaw.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    failure: str | None = None
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
        failure = f"; failed: {self.failure}" if self.failure else ""
        return f"{made} in {self.seconds:.0f} s, {rate}{failure}"


def run_job(
    job: Job, *, progress: Progress = lambda message: None, settled: bool = False
) -> JobSummary:
    """Do all that the job's worklist holds, for every model that the recipe names.

    Where it is known to be `settled`, only models that are new have anything to do.

    A model that cannot be fetched leaves its rows on the worklist and its name in the summary, so
    that the other models' work is done. Raises TableMissing before the first `dbt build`, and
    JobFailed if a callable drops or adds rows, or fails on each row of a batch.
    """
    started = time.monotonic()
    summary = JobSummary()
    for name in _model_names(job.kind):
        try:
            model = job.identify(name)
            if _register(model) or not settled:
                _run_model(job, model, summary, progress)
        except ModelUnavailable as error:
            summary.unavailable[name] = error.message
    summary.seconds = time.monotonic() - started
    return summary


def _run_model(job: Job, model: Model, summary: JobSummary, progress: Progress) -> None:
    if settings().on_ray and job.bound_by != "lake":
        part = _run_on_cluster(job, model, progress)
    elif len(devices := device_names()) > 1:
        part = _run_on_devices(job, model, devices, progress)
    else:
        part = _run_part(job, model, (0, 1), progress)
    summary.outcomes += part.outcomes
    summary.failure = summary.failure or part.failure
    summary.device = part.device or summary.device


def _run_on_devices(job: Job, model: Model, devices: list[str], progress: Progress) -> JobSummary:
    """Do all of the worklist, in a process for each of several devices of this machine."""
    summary, started = JobSummary(device=", ".join(devices)), time.monotonic()
    pool = WorkerPool(len(devices), grace_s=GRACE_SECONDS)
    errors: list[BaseException] = []
    try:
        waiting = {
            pool.submit(_run_part_on, device, job.name, model, (number, len(devices)))
            for number, device in enumerate(devices)
        }
        while waiting:
            ended = first_done(waiting)
            waiting -= ended
            for future in ended:
                # What fails on one device costs the others nothing.
                if error := future.exception():
                    errors.append(error)
                    continue
                part = future.result()
                summary.outcomes += part.outcomes
                summary.failure = summary.failure or part.failure
            done, total = pool.counted
            progress(_bar(job, summary.device, done, total, started))
    finally:
        pool.end()
    if errors:
        raise errors[0]
    return summary


def _run_on_cluster(job: Job, model: Model, progress: Progress) -> JobSummary:
    """Do all of the worklist by the processes of a Ray cluster."""
    summary = JobSummary()
    with _work(job, model) as work:
        if work.rows == 0:
            return summary
        parts = Parts(job)
        summary.device, started = parts.device, time.monotonic()
        with _landing(job, model, summary) as land:
            for made in parts.rows(job.name, model, work.batches, work.rows):
                land(made)
                progress(_bar(job, parts.device, summary.outcomes.total(), work.rows, started))
    _check(job, summary, work.rows)
    return summary


def _work(
    job: Job, model: Model, part: tuple[int, int] = (0, 1)
) -> AbstractContextManager[Worklist]:
    """What the job has to do with one model, or a part of that."""
    return worklist(
        job.worklist,
        batch_size=job.rows_at_once or settings().batch_size,
        kind=job.kind if job.worklist == RATINGS else None,
        model_id=model.model_id,
        read=job.read,
        part=part,
        part_by=job.keys[0],
    )


@contextmanager
def _landing(job: Job, model: Model, summary: JobSummary) -> Iterator[Callable[[pa.Table], None]]:
    """What takes the rows of a job on their way into its table, and counts them."""
    landing = Landing(job.table)

    def land(made: pa.Table) -> None:
        landing.add(made.append_column("model_id", pa.array([model.model_id] * made.num_rows)))
        counts = pc.value_counts(made["outcome"])
        summary.outcomes.update({c["values"].as_py(): c["counts"].as_py() for c in counts})
        if not summary.failure and summary.outcomes["failed"]:
            summary.failure = next(filter(None, _errors(made)), None)

    try:
        yield land
    finally:
        # An interruption costs the batch in hand, and so does a failure.
        landing.commit()


def _errors(made: pa.Table) -> list[str | None]:
    """The words of the rows that failed, as far as they have any."""
    failed = made.filter(pc.equal(made["outcome"], "failed"))
    errors: list[str | None] = failed["error"].to_pylist() if "error" in made.column_names else []
    return errors


def _check(job: Job, summary: JobSummary, rows: int) -> None:
    if summary.outcomes.total() != rows:
        raise JobFailed(
            f"{job.table}: {rows} rows were on the worklist, {summary.outcomes.total()} came out."
        )


def _run_part_on(device: str, name: str, model: Model, part: tuple[int, int]) -> JobSummary:
    """Do one part of a job's worklist in this process, on that device."""
    os.environ["PAIRLAKE_DEVICE"] = device
    return _run_part(find(name), model, part, None)


def _run_part(
    job: Job, model: Model, part: tuple[int, int], progress: Progress | None
) -> JobSummary:
    """Do one part of the worklist; without `progress`, for a pool, which counts the rows."""
    summary = JobSummary()
    with _work(job, model, part) as work:
        if work.rows == 0:
            return summary
        if progress is None:
            processes.count(total=work.rows)
        udf = loaded(job, model)
        summary.device, started = udf.device, time.monotonic()
        with _landing(job, model, summary) as land:
            for made in scored(job, udf, work.batches, ahead_of(part[1])):
                land(made)
                if progress is None:
                    processes.count(done=made.num_rows)
                else:
                    done = summary.outcomes.total()
                    progress(_bar(job, udf.device, done, work.rows, started))
                if processes.ending.is_set():
                    raise KeyboardInterrupt
    _check(job, summary, work.rows)
    return summary


def _bar(job: Job, device: str, done: int, total: int, started: float) -> str:
    return bar(done, total, started, prefix=f"{job.name} on {device}", unit=" rows")


def _model_names(kind: str) -> list[str]:
    try:
        found = rows(
            "select name from lake.intermediate.int_recipe_models where kind = ? order by name",
            [kind],
        )
    except duckdb.CatalogException as error:
        raise TableMissing("The recipe is not in the lake yet; run: dbt build") from error
    return [name for (name,) in found]


def _register(model: Model) -> bool:
    """Make the model the current one of its name and kind; whether it was not already."""
    current = rows(
        "select max_by(model_id, landed_at) from lake.enriched.models where kind = ? and name = ?",
        [model.kind, model.name],
    )
    if current == [(model.model_id,)]:
        return False
    row = {"model_id": model.model_id, **asdict(model)}
    append({"enriched.models": pa.Table.from_pylist([row])})
    return True
