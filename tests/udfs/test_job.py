"""The loop accounts for every row, names the model of each, and leaves what it could not do."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa
import pytest

from pairlake.lake import processes
from pairlake.lake.catalog import connect, writing
from pairlake.lake.errors import JobFailed
from pairlake.udfs import running
from pairlake.udfs.job import Model, ModelUnavailable, Udf
from pairlake.udfs.jobs import find
from pairlake.udfs.running import run_job

# The tables beneath the views: what dbt builds from recipes and pairs.
WORLD = """
create schema lake.intermediate;
create view lake.intermediate.int_recipe_models as
select * from (values ('length', 'short'), ('length', 'absent'), ('other', 'x')) t(kind, name);
create table lake.intermediate.captions as
select md5(n::varchar)::uuid as caption_id, repeat('x', n::integer) as caption
from range(1, 11) t(n);
create view lake.intermediate.int_captions_awaiting_length as
select caption_id, caption, models.model_id
from lake.intermediate.captions
cross join (select model_id from lake.enriched.models where kind = 'length') as models
anti join lake.enriched.caption_toxicity as done using (caption_id, model_id);
"""


@dataclass(frozen=True, kw_only=True)
class LengthJob:
    """A job as a file of udfs/ defines one, with a model that only measures."""

    name: ClassVar[str] = "caption_toxicity"
    table: ClassVar[str] = "enriched.caption_toxicity"
    keys: ClassVar[tuple[str, ...]] = ("caption_id", "language")
    worklist: ClassVar[str] = "int_captions_awaiting_length"
    kind: ClassVar[str] = "length"
    read: ClassVar[str] = (
        "select caption_id, null::varchar as language, caption from work order by caption"
    )
    bound_by: ClassVar[str] = "cpu"
    rows_at_once: ClassVar[int | None] = None

    weights: str = "1"
    dropping: bool = False

    def identify(self, name: str) -> Model:
        if name != "short":
            raise ModelUnavailable(f"no model {name}")
        return Model(name=name, kind=self.kind, weights_sha256=self.weights, preprocessing="none")

    def load(self, model: Model) -> Udf:
        def measure(batch: pa.RecordBatch) -> pa.Table:
            lengths = [len(caption) for caption in batch["caption"].to_pylist()]
            rows = pa.table(
                {
                    "caption_id": batch["caption_id"],
                    "outcome": ["ok" if length < 9 else "too_long" for length in lengths],
                    "toxicity": pa.array([n if n < 9 else None for n in lengths], pa.float32()),
                }
            )
            return rows.slice(1) if self.dropping else rows

        return Udf(score=measure)


@pytest.fixture(autouse=True)
def world(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAIRLAKE_BATCH_SIZE", "4")
    with writing() as con:
        con.execute(WORLD)


def _rows() -> list[tuple[str, str, int]]:
    con = connect()
    rows = con.execute(
        "select model_id, outcome, count(*)::integer from lake.enriched.caption_toxicity "
        "group by all order by all"
    ).fetchall()
    con.close()
    return rows


def test_every_row_gets_an_outcome_and_failures_are_not_tried_again() -> None:
    summary = run_job(LengthJob())

    model_id = LengthJob().identify("short").model_id
    assert summary.outcomes == {"ok": 8, "too_long": 2}
    assert summary.unavailable == {"absent": "no model absent"}
    assert _rows() == [(model_id, "ok", 8), (model_id, "too_long", 2)]
    assert run_job(LengthJob()).outcomes == {}


def test_new_weights_are_a_new_model_and_the_work_reappears() -> None:
    run_job(LengthJob())
    again = run_job(LengthJob(weights="2"))

    assert again.outcomes.total() == 10
    assert len({model_id for model_id, _, _ in _rows()}) == 2


def test_where_all_is_known_to_be_done_only_a_new_model_is_asked() -> None:
    run_job(LengthJob())
    with writing() as con:
        con.execute("delete from lake.enriched.caption_toxicity")
    assert run_job(LengthJob(), settled=True).outcomes == {}, "nobody looks"
    assert run_job(LengthJob(weights="2"), settled=True).outcomes.total() == 10


def test_a_job_that_drops_a_row_is_stopped_and_lands_nothing() -> None:
    with pytest.raises(JobFailed, match="3 rows came of 4"):
        run_job(LengthJob(dropping=True))

    assert _rows() == []


def test_progress_is_told_batch_by_batch() -> None:
    seen: list[str] = []
    summary = run_job(LengthJob(), progress=seen.append)
    assert all(message.startswith("caption_toxicity on cpu: ") for message in seen)
    assert [message.split("| ")[1].split(" ")[0] for message in seen] == ["4/10", "8/10", "10/10"]
    assert str(summary).startswith("10 = 8 scored + 2 too_long in ")


@dataclass(frozen=True, kw_only=True)
class OddJob(LengthJob):
    """Makes of each caption what a function says."""

    of: Callable[[str], float]

    def load(self, model: Model) -> Udf:
        def score(batch: pa.RecordBatch) -> pa.Table:
            values = [self.of(caption) for caption in batch["caption"].to_pylist()]
            ids, outcomes = batch["caption_id"], ["ok"] * batch.num_rows
            toxicity = pa.array(values, pa.float32())
            return pa.table({"caption_id": ids, "outcome": outcomes, "toxicity": toxicity})

        return Udf(score=score)


def test_a_row_that_the_model_fails_on_costs_itself_and_is_not_tried_for_ever() -> None:
    def of(caption: str) -> float:
        return 1 / (len(caption) - 3)

    summary = run_job(OddJob(of=of))
    assert summary.outcomes == {"ok": 9, "failed": 1}
    assert "; failed: ZeroDivisionError: division by zero" in str(summary)
    con = connect()
    errors = con.execute("select error from lake.enriched.caption_toxicity where error is not null")
    assert errors.fetchall() == [("ZeroDivisionError: division by zero",)]
    con.close()
    assert run_job(OddJob(of=of)).outcomes == {}


def test_a_model_that_fails_on_everything_stops_the_job_and_what_was_made_stays() -> None:
    def of(caption: str) -> float:
        if len(caption) > 4:
            raise RuntimeError("the device is gone")
        return 0.0

    with pytest.raises(JobFailed, match="the device is gone"):
        run_job(OddJob(of=of))
    assert [count for *_, count in _rows()] == [4]


def test_a_model_that_fails_beside_a_row_of_another_outcome_loses_nothing() -> None:
    """Of a batch, one row has no picture, so to say; the model fails on all the others."""

    class Broken(LengthJob):
        def load(self, model: Model) -> Udf:
            udf = super().load(model)

            def score(batch: pa.RecordBatch) -> pa.Table:
                rows = udf.score(batch)
                if "ok" in rows["outcome"].to_pylist():
                    raise RuntimeError("the library is broken")
                return rows

            return Udf(score=score)

    with pytest.raises(JobFailed, match="the library is broken"):
        run_job(Broken())
    assert _rows() == []


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("CUDA error: device lost")])
def test_a_device_that_fails_costs_no_row(error: Exception) -> None:
    def of(caption: str) -> float:
        if len(caption) == 1:
            raise error
        return 0.0

    with pytest.raises(JobFailed, match="the device failed"):
        run_job(OddJob(of=of))
    assert _rows() == []


def test_a_row_is_found_by_halves() -> None:
    sizes: list[int] = []

    class Counting(LengthJob):
        def load(self, model: Model) -> Udf:
            udf = super().load(model)

            def score(batch: pa.RecordBatch) -> pa.Table:
                sizes.append(batch.num_rows)
                if "xxx" in batch["caption"].to_pylist():
                    raise ValueError
                return udf.score(batch)

            return Udf(score=score)

    assert run_job(Counting()).outcomes == {"ok": 7, "failed": 1, "too_long": 2}
    assert sizes == [4, 2, 2, 1, 1, 4, 2]


def test_a_model_that_does_not_load_leaves_its_rows_for_another_run() -> None:
    class Unreadable(LengthJob):
        def load(self, model: Model) -> Udf:
            raise KeyError("no such layer")

    unavailable = run_job(Unreadable()).unavailable
    assert "does not load (KeyError: 'no such layer')" in unavailable["short"]
    assert _rows() == []


def test_what_is_no_number_does_not_land() -> None:
    summary = run_job(OddJob(of=lambda caption: [1.0, math.nan, math.inf][len(caption) % 3]))
    assert summary.outcomes == {"ok": 3, "not_finite": 7}
    con = connect()
    query = (
        "select count(toxicity), bool_and(isfinite(toxicity)) from lake.enriched.caption_toxicity"
    )
    assert con.execute(query).fetchone() == (3, True)
    con.close()


def test_batches_are_prepared_while_others_are_scored() -> None:
    """Each batch waits in `score` until the next one has been prepared."""
    prepared, met = [threading.Event() for _ in range(3)], []

    class Ahead(LengthJob):
        def load(self, model: Model) -> Udf:
            udf = super().load(model)

            def prepare(batch: pa.RecordBatch) -> pa.RecordBatch:
                prepared[(len(batch["caption"][0].as_py()) - 1) // 4].set()
                return batch

            def score(batch: pa.RecordBatch) -> pa.Table:
                number = (len(batch["caption"][0].as_py()) - 1) // 4
                met.append(number == 2 or prepared[number + 1].wait(10))
                return udf.score(batch)

            return Udf(prepare=prepare, score=score)

    assert run_job(Ahead()).outcomes.total() == 10
    assert met == [True, True, True]


LANGUAGES = """
create or replace view lake.intermediate.int_recipe_models as
select 'language' as kind, 'cld3' as name;
create view lake.intermediate.int_captions_awaiting_language as
select caption_id, caption, models.model_id
from lake.intermediate.captions
cross join (select model_id from lake.enriched.models where kind = 'language') as models
anti join lake.enriched.caption_languages as done using (caption_id, model_id);
"""


def test_several_devices_share_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAIRLAKE_DEVICE", "cpu, cpu")
    with writing() as con:
        con.execute(LANGUAGES)
    seen: list[str] = []
    summary = run_job(find("caption_languages"), progress=seen.append)
    assert summary.outcomes == {"ok": 10}
    assert " 10/10 " in seen[-1]
    assert summary.device == "cpu, cpu"
    con = connect()
    landed = con.execute(
        "select count(distinct caption_id), count(*), count(distinct attempt_id) "
        "from lake.enriched.caption_languages"
    )
    assert landed.fetchone() == (10, 10, 2)
    con.close()


def test_a_part_that_is_interrupted_keeps_what_it_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process of several devices, whose pool ends after its first batch."""
    told: list[tuple[int, int]] = []

    def count(done: int = 0, total: int = 0) -> None:
        told.append((done, total))
        if done:
            processes.ending.set()

    monkeypatch.setattr(processes, "count", count)
    monkeypatch.setattr(processes, "ending", threading.Event())
    model = LengthJob().identify("short")
    running._register(model)
    with pytest.raises(KeyboardInterrupt):
        running._run_part(LengthJob(), model, (0, 1), None)
    assert told == [(0, 10), (4, 0)]
    assert [n for *_, n in _rows()] == [4]
