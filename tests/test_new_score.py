"""A score is a file, an entry, a line of a recipe and documentation, and is seen all over."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pairlake.lake.project import PARTS, ROOT
from tests.lakes.freeze import LAKES, thaw

ROOMS = ("pairlake", "lake", "ingest", "udfs", "serve", "demo")
FROZEN = LAKES / "0.1.0"
# Each of a stranger's: as docs/scores.md and the checklist of docs/contributing.md have it.
FILES = {
    "udfs/image_brightness.py": '''
"""How bright each picture is, from 0 to 255. Writes enriched.image_brightness."""

import pyarrow as pa

from pairlake.udfs.job import Model, ModelUnavailable, Udf
from pairlake.udfs.pixels import READ_PIXELS, picture_udf

kind = "brightness"
keys = ("image_id",)
values = {"brightness": "FLOAT"}
read = READ_PIXELS


def identify(name: str) -> Model:
    if name != "mean":
        raise ModelUnavailable(f"There is no brightness {name!r}; a recipe may name mean.")
    return Model(name=name, kind=kind, weights_sha256="none", preprocessing="kept pixels")


def load(model: Model) -> Udf:
    return picture_udf("brightness", pa.float32(), lambda pictures: [p.mean() for p in pictures])
''',
    "udfs/caption_letters.py": '''
"""Which share of each caption is letters. Writes enriched.caption_letters."""

import pyarrow as pa

from pairlake.udfs.job import Model, Udf

kind = "letters"
keys = ("caption_id",)
values = {"letters": "FLOAT"}
read = "select caption_id, caption from work"


def identify(name: str) -> Model:
    return Model(name=name, kind=kind, weights_sha256="none", preprocessing="none")


def load(model: Model) -> Udf:
    def score(batch: pa.RecordBatch) -> pa.Table:
        captions = batch["caption"].to_pylist()
        shares = [sum(map(str.isalpha, caption)) / len(caption) for caption in captions]
        return pa.table(
            {
                "caption_id": batch["caption_id"],
                "outcome": ["ok"] * len(shares),
                "letters": pa.array(shares, pa.float32()),
            }
        )

    return Udf(score=score)
''',
}
RATINGS = """
        {
            "kind": "brightness",
            "score": "brightness",
            "between": [0, 255],
            "label": "bright",
            "table": "image_brightness",
            "key": ["image_id"],
            "rules": {"below_brightness": "brightness >= below_brightness"},
            "reason": "too_bright",
            "meaning": "its picture is brighter than the recipe lets be",
            "hidden_above": none,
        },
        {
            "kind": "letters",
            "score": "letters",
            "between": [0, 1],
            "label": "letters",
            "table": "caption_letters",
            "key": ["caption_id"],
            "rules": {"min_letters": "letters < min_letters"},
            "reason": "too_few_letters",
            "meaning": "its caption has fewer letters than the recipe wants",
            "hidden_above": none,
        },
"""
RECIPE = """mine,demo,source,A test
mine,,brightness_model,mean
mine,,below_brightness,140
mine,,letters_model,share
mine,,min_letters,0.7
"""
COLUMNS = """
      - name: brightness
        data_type: FLOAT
        description: How bright the image is, 0 to 255; null as `punsafe` is.
      - name: brightness_model_id
        data_type: VARCHAR
        description: The model that made `brightness`.
      - name: letters
        data_type: FLOAT
        description: Share of the caption's characters that are letters; null as `punsafe` is.
      - name: letters_model_id
        data_type: VARCHAR
        description: The model that made `letters`.
"""
SOURCE = """
      - name: TABLE
        description: A made-up score. One row per key and model, as often as it landed.
        config:
          meta:
            written_by: pairlake enrich
        columns:
          - {name: KEY, data_type: UUID, description: "{{ doc('KEY') }}"}
          - {name: model_id, data_type: VARCHAR, description: "{{ doc('model_id') }}"}
          - {name: outcome, data_type: VARCHAR, description: "{{ doc('outcome') }}"}
          - {name: error, data_type: VARCHAR, description: "{{ doc('error') }}"}
          - {name: SCORE, data_type: FLOAT, description: The score.}
          - {name: attempt_id, data_type: UUID, description: "{{ doc('attempt_id') }}"}
          - {name: landed_at, data_type: TIMESTAMP, description: "{{ doc('landed_at') }}"}
"""
# The walk of both, from the worklist to a filter of the search, in one process of the copy.
WALK = """
import json
import numpy as np
from pairlake.lake.catalog import rows, writing
from pairlake.lake.dbt_plugin import run_dbt
from pairlake.serve.publish.publish import publish
from pairlake.serve.search.query import Part, Query
from pairlake.serve.search.search import Encoders, Search
from pairlake.lake.settings import settings
from pairlake.udfs.jobs import find
from pairlake.udfs.running import run_job

JOBS = ("image_brightness", "caption_letters")
told = {}

def ask(name, query):
    told[name] = rows(query, read_only=True)

def awaiting(name):
    ask(name, "select kind, count(*) from lake.intermediate.int_ratings_awaiting "
              "where kind in ('brightness', 'letters') group by kind order by kind")

def reasons(name):
    ask(name, "select reason, count(*) from (select unnest(drop_reasons) as reason "
              "from lake.intermediate.int_pairs_judged) group by reason order by reason")

with writing() as con:
    # Of some there is no picture, and of one twice.
    con.execute("delete from lake.raw.image_pixels where pixels = 'pixels'::blob")
run_dbt("run")
awaiting("awaiting")
reasons("before")
for job in JOBS:
    told[job] = run_job(find(job)).outcomes
awaiting("awaiting after")
run_dbt("run")
reasons("after")
ask("pairs", "select pair_id, brightness, letters, brightness_model_id, letters_model_id "
             "from lake.marts.pairs")
ask("reasons", "select reason, kind from lake.marts.drop_reasons where reason in "
               "('brightness_missing', 'too_bright', 'letters_missing', 'too_few_letters') "
               "order by position")
ask("why", "select unnest(thresholds, recursive := true) from lake.marts.pair_histories "
           "where list_contains(drop_reasons, 'too_bright')")
publish(progress=lambda line: None)
search = Search(settings().search, Encoders(captions=None, pictures=None, aesthetic=None))
vector = np.ones(search.publication().dimensions, np.float32)
for filters in ((), ("brightness < 110",), ("letters >= 0.8", "brightness >= 100")):
    query = Query(parts=(Part(vector=vector),), where=filters, fold="none", limit=100)
    told[" and ".join(filters)] = [
        (str(hit.pair_id), hit.brightness, hit.letters) for hit in search.find(query).results
    ]
print(json.dumps(told, default=str))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project with two scores of a stranger's, and nothing else changed."""
    folder = tmp_path / "project"
    folder.mkdir()
    for part in (*ROOMS, *PARTS):
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / part, folder / part, **({"symlinks": True} if copy is shutil.copytree else {}))
    for name, text in FILES.items():
        (folder / name).write_text(text.lstrip())
    _insert(folder / "macros" / "ratings.sql", RATINGS.lstrip("\n"), before="    ]) }}\n")
    _insert(folder / "models" / "marts" / "pairs.yml", COLUMNS[1:], before="      - name: phash\n")
    sources = folder / "models" / "staging" / "_sources.yml"
    for table, key, score in (
        ("image_brightness", "image_id", "brightness"),
        ("caption_letters", "caption_id", "letters"),
    ):
        text = SOURCE[1:].replace("TABLE", table).replace("KEY", key).replace("SCORE", score)
        _insert(sources, text, before="      - name: caption_toxicity\n")
    with (folder / "models" / "seeds" / "recipes.csv").open("a") as recipes:
        recipes.write(RECIPE)
    return folder


def _insert(file: Path, text: str, *, before: str) -> None:
    head, found, tail = file.read_text().partition(before)
    assert found
    file.write_text(head + text + found + tail)


def test_two_scores_of_a_stranger_go_from_the_worklist_to_a_filter(
    project: Path, home: Path
) -> None:
    thaw(FROZEN, home)
    environment = {
        **os.environ,
        "PYTHONPATH": str(project),
        "PAIRLAKE_HOME": str(home),
        "PAIRLAKE_RECIPE": "mine",
    }
    done = subprocess.run(
        [sys.executable, "-c", WALK], cwd=project, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    awaiting = dict(told["awaiting"])
    assert awaiting.keys() == {"brightness", "letters"}
    assert told["awaiting after"] == []
    assert {job: sum(told[job].values()) for job in ("image_brightness", "caption_letters")} == {
        "image_brightness": awaiting["brightness"],
        "caption_letters": awaiting["letters"],
    }
    before, after = dict(told["before"]), dict(told["after"])
    assert {"brightness_missing", "letters_missing"} <= before.keys()
    assert {"too_bright", "too_few_letters"} <= after.keys() - before.keys()
    assert told["reasons"] == [
        ["brightness_missing", "missing"],
        ["too_bright", "rule"],
        ["letters_missing", "missing"],
        ["too_few_letters", "rule"],
    ]
    # Beside its threshold, each pair that is out for it.
    bright = [value for rule, _, value in told["why"] if rule == "below_brightness"]
    assert len(bright) == after["too_bright"]
    assert min(bright) >= 140

    kept = {pair_id: (brightness, letters) for pair_id, brightness, letters, *_ in told["pairs"]}
    models = {tuple(each.partition("@")[0] for each in made) for _, _, _, *made in told["pairs"]}
    assert models == {("mean", "share")}
    assert all(brightness < 140 and letters >= 0.7 for brightness, letters in kept.values())
    # One has no vectors.
    published = {pair_id: tuple(scores) for pair_id, *scores in told[""]}
    assert published.items() <= kept.items()
    for filters, keeps in (
        ("brightness < 110", lambda brightness, _: brightness < 110),
        ("letters >= 0.8 and brightness >= 100", lambda b, letters: letters >= 0.8 and b >= 100),
    ):
        found = {pair_id for pair_id, *_ in told[filters]}
        assert found == {pair_id for pair_id, scores in published.items() if keeps(*scores)}
        assert 0 < len(found) < len(published)
