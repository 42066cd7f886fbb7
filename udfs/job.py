"""The loop that every job runs in: worklist → batches → a callable → rows of `enriched`.

A job is a table, the worklist that says what it lacks, and a way to load the model that makes a
row. The loop registers the model, so that each score names what made it, and asserts that as many
rows come out as went in.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Protocol

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from lake.append import append
from lake.catalog import connect
from lake.errors import JobFailed, PairlakeError, TableMissing
from lake.settings import settings
from lake.worklist import worklist

# Rows are committed this often: many at a time, since each commit is a snapshot and a file, but
# never so rarely that an interruption costs more than half a minute's work.
COMMIT_ROWS = 50_000
COMMIT_SECONDS = 30.0

Udf = Callable[[pa.RecordBatch], pa.Table]
Progress = Callable[[str], None]


class ModelUnavailable(PairlakeError):
    """A recipe names a model that is neither on disk nor known to open_clip."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """What makes rows. Other weights or other preprocessing are another model."""

    name: str
    kind: str
    weights_sha256: str
    preprocessing: str

    @property
    def model_id(self) -> str:
        """Name and fingerprint, as it stands beside each score: `mini_clip@3f9a01c2b7de`."""
        return f"{self.name}@{fingerprint(self.weights_sha256, self.preprocessing)}"


def fingerprint(*parts: str) -> str:
    """The first 12 hexadecimal digits of the sha256 of the parts, one to a line."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


class Job(Protocol):
    """What one file of udfs/ defines: a table, its worklist and its model."""

    table: str
    worklist: str
    kind: str
    # The query that is streamed, over `work`: the worklist's rows for one model.
    read: str

    def identify(self, name: str) -> Model:
        """The model of that name; ModelUnavailable if there is none."""

    def load(self, model: Model) -> Udf:
        """A callable from a batch of the worklist to rows of the table, one for one."""


@dataclass(kw_only=True)
class JobSummary:
    """What came of one job: rows by outcome, and the models that it could not have."""

    outcomes: Counter[str] = field(default_factory=Counter)
    unavailable: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def __str__(self) -> str:
        if not self.outcomes:
            return "nothing to do"
        counts = ", ".join(f"{count:,} {name}" for name, count in self.outcomes.most_common())
        return f"{counts} in {self.seconds:.0f} s"


def run_job(job: Job, *, progress: Progress = lambda message: None) -> JobSummary:
    """Do all that the job's worklist holds, for every model that the recipe names.

    A model that cannot be had leaves its rows on the worklist and its name in the summary, so
    that the other models' work is done. Raises TableMissing before the first `dbt build`, and
    JobFailed if a callable drops or adds rows.
    """
    started = time.monotonic()
    summary = JobSummary()
    for name in _model_names(job.kind):
        try:
            model = job.identify(name)
        except ModelUnavailable as error:
            summary.unavailable[name] = error.message
            continue
        _register(model)
        summary.outcomes += _run_model(job, model, progress)
    summary.seconds = time.monotonic() - started
    return summary


def _run_model(job: Job, model: Model, progress: Progress) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    with worklist(
        job.worklist,
        batch_size=settings().batch_size,
        model_id=model.model_id,
        read=job.read,
    ) as work:
        if work.rows == 0:
            return outcomes
        udf = job.load(model)
        landing = _Landing(job.table)
        for batch in work.batches:
            rows = udf(batch)
            if rows.num_rows != batch.num_rows:
                raise JobFailed(
                    f"{job.table}: {model.name} made {rows.num_rows} rows of {batch.num_rows}; "
                    "nothing of this batch is kept. This is a fault in the job's file in udfs/."
                )
            ids = pa.array([model.model_id] * rows.num_rows)
            landing.add(rows.append_column("model_id", ids))
            counts = pc.value_counts(rows["outcome"])
            outcomes.update({c["values"].as_py(): c["counts"].as_py() for c in counts})
            progress(f"{job.table}: {outcomes.total():,} of {work.rows:,}")
        landing.commit()
    if outcomes.total() != work.rows:
        raise JobFailed(
            f"{job.table}: {work.rows} rows were on the worklist, {outcomes.total()} came out."
        )
    return outcomes


class _Landing:
    """Rows on their way into one table, committed in batches worth a file."""

    def __init__(self, table: str) -> None:
        self._table = table
        self._rows: list[pa.Table] = []
        self._since = time.monotonic()

    def add(self, rows: pa.Table) -> None:
        self._rows.append(rows)
        waiting = sum(part.num_rows for part in self._rows)
        if waiting >= COMMIT_ROWS or time.monotonic() - self._since >= COMMIT_SECONDS:
            self.commit()

    def commit(self) -> None:
        if self._rows:
            append({self._table: pa.concat_tables(self._rows)})
        self._rows = []
        self._since = time.monotonic()


def _model_names(kind: str) -> list[str]:
    con = connect()
    try:
        found = con.execute(
            "select name from lake.intermediate.int_recipe_models where kind = ? order by name",
            [kind],
        ).fetchall()
    except duckdb.CatalogException as error:
        raise TableMissing("The recipe is not in the lake yet; run: dbt build") from error
    finally:
        con.close()
    return [name for (name,) in found]


def _register(model: Model) -> None:
    """Make the model the current one of its name and kind, unless it is already."""
    con = connect()
    try:
        current = con.execute(
            "select max_by(model_id, landed_at) from lake.enriched.models "
            "where kind = ? and name = ?",
            [model.kind, model.name],
        ).fetchone()
    finally:
        con.close()
    if current != (model.model_id,):
        row = {"model_id": model.model_id, **asdict(model)}
        append({"enriched.models": pa.Table.from_pylist([row])})
