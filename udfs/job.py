"""What a job is: a table, the worklist that says what it lacks, and a model that makes a row.

udfs/running.py holds the loop that every job runs in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from pairlake.lake.errors import PairlakeError

Bound = Literal["gpu", "cpu", "lake"]
# When a job runs: "read" before images are fetched, the others after it, in this order. Images are
# rated only where their similarity keeps them; "encode again" is for heads over a larger encoder.
Stage = Literal["read", "encode", "compare", "encode again", "rate", "match"]
# The worklist of all ratings, told apart by their kind.
RATINGS = "int_ratings_awaiting"


class ModelUnavailable(PairlakeError):
    """A recipe names a model that is not on disk or not known."""


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


def _as_it_is(batch: pa.RecordBatch) -> Any:
    return batch


@dataclass(frozen=True, kw_only=True)
class Udf:
    """A loaded model: a batch of the worklist in, as many rows of the table out, in their order.

    A row may hold lists, all of one length: it lands as a row for each of their values.
    `prepare` is for what a processor does (decoding); it runs on threads, while `score` is at the
    batch before.
    """

    score: Callable[[Any], pa.Table]
    prepare: Callable[[pa.RecordBatch], Any] = _as_it_is
    device: str = "cpu"

    def __call__(self, batch: pa.RecordBatch) -> pa.Table:
        return self.score(self.prepare(batch))


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a file of udfs/ defines, by these names; `name` is the file's own.

    The default of what it does not define is what most ratings have.
    """

    name: str
    # Of its models, as in `enriched.models`.
    kind: str
    # The columns that name a row of its table, beside the model, and those that it adds, with their
    # types. They are read without running the file (lake/declared.py), as `stages` are.
    keys: tuple[str, ...]
    values: Mapping[str, str]
    # The query that is streamed, over `work`: the worklist's rows for one model.
    read: str
    # The model of a name; ModelUnavailable if there is none.
    identify: Callable[[str], Model]
    # A callable from a batch of what `read` gives to rows of the table, one for one.
    load: Callable[[Model], Udf]
    stages: tuple[Stage, ...] = ("rate",)
    worklist: str = RATINGS
    # What it is that a faster run would want more of; where that is ways into the lake, more
    # processes do not help.
    bound_by: Bound = "cpu"
    # How many rows a batch has; None for as many as the settings say.
    rows_at_once: int | None = None

    @property
    def table(self) -> str:
        """The table that it writes."""
        return f"enriched.{self.name}"
