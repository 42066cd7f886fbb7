"""A job's worklist in parts, each done by whichever process of a Ray cluster has room.

This process reads the worklist, pixels included, and lands the rows: a picture is read once however
many processes there are, and no other machine needs a way to the lake. A part that is lost with its
machine is done again on another.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Future
from functools import lru_cache

import pyarrow as pa

from pairlake.lake.cluster import Tasks, given_gpu, machines
from pairlake.lake.errors import BadSetting, JobFailed, PairlakeError, in_words
from pairlake.lake.processes import as_done
from pairlake.lake.settings import settings
from pairlake.udfs.job import Job, Model, ModelUnavailable, Udf
from pairlake.udfs.jobs import find
from pairlake.udfs.scoring import ahead_of, loaded, scored

# A part is what is lost with a process. A GPU should not wait for the next one; for a processor so
# many pictures are some ten seconds' work.
GPU_BYTES, CPU_BYTES = 128_000_000, 32_000_000
# Parts for each process of a worklist that is short, so that all end at about the same time.
PARTS_EACH = 4
# Of more parts that fail the model or the cluster is to blame, and the job ends.
MAX_FAILURES = 3


class Parts:
    """The processes that do one job: as many as the cluster has GPUs, or else processors."""

    def __init__(self, job: Job) -> None:
        with_gpus = [machine for machine in machines() if machine.gpus]
        wanted = settings().device
        if wanted not in ("auto", "cpu", "cuda"):
            raise BadSetting(
                f"PAIRLAKE_DEVICE is {wanted!r}, and Ray says which GPU is whose; "
                "set it to auto, cpu or cuda."
            )
        if wanted == "cuda" and not with_gpus:
            raise BadSetting(
                "PAIRLAKE_DEVICE is cuda, and the Ray cluster has no GPU; set it to auto or cpu."
            )
        self._on_gpu = job.bound_by == "gpu" and wanted != "cpu" and bool(with_gpus)
        # So many as each GPU of any machine can have.
        shares = [max(1, machine.cpus // machine.gpus) for machine in with_gpus]
        self._cpus = min(shares) if self._on_gpu else 1
        self._tasks = Tasks(cpus=self._cpus, gpus=int(self._on_gpu))
        self._job = job
        self.device = f"{self._tasks.workers} {'GPUs' if self._on_gpu else 'processors'} of Ray"

    def rows(
        self, name: str, model: Model, batches: Iterator[pa.RecordBatch], total: int
    ) -> Iterator[pa.Table]:
        """The rows that `model` makes of all batches, `total` rows in, as the parts are done.

        A part that fails costs itself: the others are done before its error is raised, as
        JobFailed. Its rows stay on the worklist.
        """
        each = -(-total // (self._tasks.workers * PARTS_EACH))
        parts = _parts(batches, rows=each, size=GPU_BYTES if self._on_gpu else CPU_BYTES)
        failures: list[BaseException] = []

        def submit(part: list[pa.RecordBatch]) -> Future[pa.Table]:
            return self._tasks.submit(_score, name, model, part, ahead_of(self._cpus), self._on_gpu)

        try:
            for _, future in as_done(parts, submit, self._tasks.room):
                error = future.exception()
                if error is None:
                    yield future.result()
                elif isinstance(error, ModelUnavailable):
                    raise error
                else:
                    failures.append(error)
                if len(failures) > MAX_FAILURES:
                    break
            if failures:
                raise _job_failed(name, failures)
        finally:
            self._tasks.end()


def _job_failed(name: str, failures: list[BaseException]) -> JobFailed:
    first = failures[0]
    words = first.message if isinstance(first, PairlakeError) else in_words(first)
    return JobFailed(
        f"{name}: {len(failures)} parts of the worklist failed ({words}). What was made of the "
        "others is kept; run it again."
    )


def _parts(
    batches: Iterator[pa.RecordBatch], *, rows: int, size: int
) -> Iterator[list[pa.RecordBatch]]:
    """The batches in lists of so many rows, or of so many bytes where that is less."""
    part: list[pa.RecordBatch] = []
    for batch in batches:
        part.append(batch)
        if sum(b.num_rows for b in part) >= rows or sum(b.nbytes for b in part) >= size:
            yield part
            part = []
    if part:
        yield part


def _score(
    name: str, model: Model, part: list[pa.RecordBatch], ahead: int, on_gpu: bool
) -> pa.Table:
    """Do one part, in a process of the cluster, which keeps the model for the next."""
    device = given_gpu() if on_gpu else "cpu"
    os.environ["PAIRLAKE_DEVICE"] = device
    udf = _loaded(name, model, device)
    return pa.concat_tables(
        scored(find(name), udf, iter(part), ahead), promote_options="permissive"
    )


@lru_cache(maxsize=1)
def _loaded(name: str, model: Model, device: str) -> Udf:
    """The model on that device; ModelUnavailable where this machine has another of its name."""
    job = find(name)
    if job.bound_by == "gpu" and job.identify(model.name) != model:
        raise ModelUnavailable(
            f"A machine of the cluster has another {model.name} than {model.model_id} in "
            f"{settings().models}; it must be the same on all of them."
        )
    return loaded(job, model)
