"""The loop accounts for every row, names the model of each, and leaves what it could not do."""

from __future__ import annotations

import pyarrow as pa
import pytest

from lake.catalog import connect, writing
from lake.errors import JobFailed
from udfs.job import Model, ModelUnavailable, Udf, run_job

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


class LengthJob:
    """A job as a file of udfs/ defines one, with a model that only measures."""

    table = "enriched.caption_toxicity"
    worklist = "int_captions_awaiting_length"
    kind = "length"
    read = "select caption_id, caption from work"

    def __init__(self, *, weights: str = "1", dropping: bool = False) -> None:
        self.weights = weights
        self.dropping = dropping

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

        return measure


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


def test_a_job_that_drops_a_row_is_stopped_and_lands_nothing() -> None:
    with pytest.raises(JobFailed, match="3 rows of 4"):
        run_job(LengthJob(dropping=True))

    assert _rows() == []


def test_progress_is_told_batch_by_batch() -> None:
    seen: list[str] = []
    run_job(LengthJob(), progress=seen.append)
    assert [message.split(": ")[1] for message in seen] == ["4 of 10", "8 of 10", "10 of 10"]
