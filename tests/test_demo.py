"""The demo end to end: what was planted, what became of it, and what the README says of it."""

from __future__ import annotations

import csv
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from pairlake.demo import stage
from pairlake.demo.stage import environment, prepare_world
from pairlake.demo.wishes import CARRIERS, DATA_MINING, NOT_ASKED_FOR
from pairlake.demo.world import World
from pairlake.encoders import opened_search
from pairlake.ingest.images.sent import Sent
from pairlake.lake.catalog import connect
from pairlake.lake.project import ROOT
from pairlake.lake.query import table
from pairlake.lake.settings import settings
from pairlake.serve.search.query import Part, Query
from tests.conftest import THREADS
from tests.documented import programs, queries, shell, to_run
from tests.open_clip_training import train

# Every kind of case is planted in a tenth of the demo, too. As many drawings as a user's demo has
# take minutes, and what the README says of them is then compared to the number.
TENTH = pytest.param(96, id="a_tenth")
WHOLE = pytest.param(stage.PICTURES, id="whole", marks=pytest.mark.slow)

COMMAND = """
import sys
from pairlake.demo import stage
from pairlake.encoders import opened_search
from pairlake.commands import main

stage.PICTURES = int(sys.argv.pop(1))
main()
"""


@dataclass(frozen=True, kw_only=True)
class Demo:
    """One run of `pairlake demo`: its drawings, its settings, what it printed, and its world."""

    pictures: int
    variables: dict[str, str]
    printed: str
    world: World


@pytest.fixture(scope="module", params=[TENTH, WHOLE])
def demo(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, free_port: int
) -> Demo:
    """The demo of so many drawings, run once as a user runs it, on a port of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "PICTURES", request.param)
        for name in {name for name in os.environ if name.startswith("PAIRLAKE_")} - {THREADS}:
            patch.delenv(name)
        patch.setenv("PAIRLAKE_HOME", str(tmp_path_factory.mktemp("demo")))
        patch.setenv("PAIRLAKE_DEMO_PORT", str(free_port))
        # On a busy machine good pictures are slow as well.
        patch.setenv("PAIRLAKE_FETCH_TIMEOUT_S", "20")
        variables = environment(None) | {"PAIRLAKE_DEMO_PORT": str(free_port)}
        for name, value in variables.items():
            patch.setenv(name, value)
        return Demo(
            pictures=request.param,
            variables=variables,
            printed=_pairlake(request.param, "demo"),
            world=prepare_world(None),
        )


@pytest.fixture
def settled(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo's settings, in this process."""
    for name, value in demo.variables.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def lake(demo: Demo, settled: None) -> Iterator[duckdb.DuckDBPyConnection]:
    """The demo's lake, with its truth and each judged pair beside it in `judged`."""
    con = connect(read_only=True)
    con.register("truth", demo.world.truth())
    con.execute(
        """
        create temp table judged as
        select truth.*, pairs.pair_id, pairs.drop_reason, pairs.drop_reasons, pairs.split as found
        from truth
        left join lake.intermediate.int_pairs_judged as pairs
            on md5(truth.image_url || chr(31) || truth.caption)::uuid = pairs.pair_id
        """
    )
    yield con
    con.close()


def _pairlake(pictures: int, *arguments: str) -> str:
    command = [sys.executable, "-c", COMMAND, str(pictures), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _rows(con: duckdb.DuckDBPyConnection, query: str) -> list[tuple[object, ...]]:
    return con.execute(query).fetchall()


def _count(con: duckdb.DuckDBPyConnection, query: str) -> int:
    return int(str(_rows(con, query)[0][0]))


def test_every_crawl_file_is_counted_as_it_was_written(
    demo: Demo, lake: duckdb.DuckDBPyConnection
) -> None:
    columns = ("records", "unreadable_records", "links", "images", "sightings", "bytes")
    found = _rows(lake, f"select {', '.join(columns)} from lake.raw.crawl_files order by path")
    planted = [tuple(getattr(file, name) for name in columns) for file in demo.world.files]
    assert found == planted


def test_every_planted_pair_landed_once(demo: Demo, lake: duckdb.DuckDBPyConnection) -> None:
    pairs = _count(lake, "select count(*) from lake.intermediate.int_pairs_judged")
    assert pairs == demo.world.totals["pairs"]
    assert _rows(lake, "from judged where pair_id is null") == []


def test_each_level_of_the_funnel_adds_up_to_the_generators_totals(
    demo: Demo, lake: duckdb.DuckDBPyConnection
) -> None:
    sums = "select sum(sightings)::bigint, sum(pairs)::bigint, sum(kept)::bigint"
    (funnel,) = _rows(lake, f"{sums} from lake.marts.filter_funnel")
    kept = _count(lake, "select count(*) from lake.marts.pairs")
    assert funnel == (demo.world.totals["sightings"], demo.world.totals["pairs"], kept)


def test_every_planted_fault_ends_with_the_reason_that_names_it(
    lake: duckdb.DuckDBPyConnection,
) -> None:
    wrong = _rows(
        lake,
        """
        select kind, expected_drop_reason, drop_reason, count(*) from judged
        where
            expected_drop_reason <> 'similarity_too_low'
            and drop_reason is distinct from expected_drop_reason
        group by all
        """,
    )
    assert wrong == []
    kinds = _count(lake, "select count(distinct expected_drop_reason) from judged")
    assert kinds >= 18


def test_nothing_else_is_dropped_but_by_similarity_or_as_a_duplicate(
    lake: duckdb.DuckDBPyConnection,
) -> None:
    reasons = _rows(
        lake,
        """
        select distinct drop_reason from judged
        where expected_drop_reason is null and drop_reason is not null
        order by all
        """,
    )
    assert reasons == [("duplicate_image",), ("similarity_too_low",)]


def test_what_pictures_say_of_data_mining_is_found_in_each_carrier(
    lake: duckdb.DuckDBPyConnection,
) -> None:
    said = """
        select image_url, split_part(value, '/', -1)
        from judged
        inner join lake.intermediate.int_pairs_judged as pairs using (pair_id)
        left join lake.raw.image_rights as rights
            on pairs.image_id = rights.image_id and property = 'plus:DataMining'
        where kind = 'data_mining'
    """
    found = {str(url).rpartition("/")[2]: str(value) for url, value in _rows(lake, said)}
    assert len(found) == len(CARRIERS) * len(DATA_MINING)
    for name, value in found.items():
        assert name.rpartition(".")[0].endswith(f"-{value.lower()}")
    signed = "select distinct property from lake.raw.image_rights where carrier = 'c2pa'"
    assert ("cawg.training-mining/cawg.ai_training",) in _rows(lake, signed)


def test_what_is_refused_whole_is_not_asked_for(demo: Demo) -> None:
    asked = (demo.world.folder / "requests.log").read_text()
    assert "GET /robots.txt" in asked
    assert "GET /not-for-training/" in asked
    assert not [path for path in NOT_ASKED_FOR if f"GET /{path}/" in asked]


def test_of_equal_pictures_exactly_one_pair_is_kept(
    demo: Demo, lake: duckdb.DuckDBPyConnection
) -> None:
    groups = """
        select image_sha256, count(*) filter (where drop_reason is null) as kept, count(*) as pairs
        from judged
        where drop_reason is null or drop_reason = 'duplicate_image'
        group by image_sha256
    """
    assert _rows(lake, f"from ({groups}) where kept <> 1") == []
    assert _count(lake, f"select count(*) from ({groups}) where pairs > 1") > 0.52 * demo.pictures


def test_the_similarity_filter_tells_right_from_wrong(lake: duckdb.DuckDBPyConnection) -> None:
    ((right_kept, right_dropped, wrong_kept, wrong_dropped),) = lake.execute(
        """
        select
            count(*) filter (where kind <> 'wrong_caption' and not low),
            count(*) filter (where kind <> 'wrong_caption' and low),
            count(*) filter (where kind = 'wrong_caption' and not low),
            count(*) filter (where kind = 'wrong_caption' and low)
        from (
            select *, list_contains(drop_reasons, 'similarity_too_low') as low
            from judged
            where coalesce(expected_drop_reason, 'similarity_too_low') = 'similarity_too_low'
        )
        """
    ).fetchall()
    assert right_kept / (right_kept + right_dropped) > 0.9
    assert wrong_dropped / (wrong_kept + wrong_dropped) > 0.9


def test_sentences_are_routed_by_their_language(lake: duckdb.DuckDBPyConnection) -> None:
    right = _count(
        lake, "select count(*) from judged where split = found and split in ('en', 'multi')"
    )
    routed = _count(
        lake, "select count(*) from judged where found is not null and split in ('en', 'multi')"
    )
    assert right / routed > 0.95


def test_a_second_run_finds_nothing_to_do(demo: Demo, settled: None) -> None:
    again = _pairlake(demo.pictures, "demo")
    assert "nothing has changed" in again
    assert "Nothing new" in again
    assert again.split("What became")[1] == demo.printed.split("What became")[1]


def test_each_kept_picture_finds_itself_by_the_bytes_that_the_web_sent(
    settled: None, lake: duckdb.DuckDBPyConnection
) -> None:
    images = (settings().home / "world" / "images").iterdir()
    sent = {hashlib.sha256(body).digest(): body for body in (file.read_bytes() for file in images)}
    kept = lake.execute(
        """
        select distinct pairs.sha256, pairs.image_id, pairs.image_format, pixels.pixels
        from lake.marts.pairs
        inner join lake.raw.image_pixels as pixels using (image_id)
        """
    ).fetchall()
    made = Sent(side=settings().pixel_side)
    assert all(made.kept(sent[sha256]) == pixels for sha256, *_, pixels in kept)
    # What is made of the same pixels is the same, so that one of each format is searched by.
    one_each = {kind: (sha256, image_id) for sha256, image_id, kind, _ in kept}
    assert one_each.keys() == {"jpeg", "png", "webp"}
    search = opened_search()
    for sha256, image_id in one_each.values():
        (found,) = search.find(Query(parts=(Part(picture=sent[sha256]),), limit=1)).results
        assert found.image_id == image_id
        assert found.similarity >= 0.999


def test_three_queries_find_what_they_name(demo: Demo) -> None:
    found = demo.printed.split("'a drawing of a cat' finds")[1]
    assert len(re.findall(r"^  0\.\d{3}  \[", found, re.MULTILINE)) == 9


def test_the_readme_shows_what_the_demo_prints(demo: Demo) -> None:
    """Line by line; of a tenth only the words, and none of what it found.

    Counts that hang on float arithmetic may differ by a hundredth.
    """
    readme = (ROOT / "README.md").read_text()
    block = readme.split("    $ make demo\n")[1].split("\n\n`make demo`")[0]
    is_whole = demo.pictures == stage.PICTURES
    shown = block if is_whole else block.split("\n    'un dessin")[0]
    for line in filter(None, (line.strip(" …") for line in shown.splitlines())):
        near = _values_near if is_whole else _words_alike
        assert any(near(line, printed) for printed in demo.printed.splitlines()), line


_NUMBER = re.compile(r"\d[\d,.]*")


def _words_alike(shown: str, printed: str) -> bool:
    return _NUMBER.sub("#", shown).split() == _NUMBER.sub("#", printed).split()


def _values_near(shown: str, printed: str) -> bool:
    values = [
        [float(found.replace(",", "").rstrip(".")) for found in _NUMBER.findall(text)]
        for text in (shown, printed)
    ]
    return _words_alike(shown, printed) and values[0] == pytest.approx(values[1], rel=0.01, abs=2)


def test_duckdbs_own_shell_reads_the_lake_in_the_readmes_two_lines(
    demo: Demo, tmp_path: Path
) -> None:
    readme = (ROOT / "README.md").read_text().split("\nDuckDB's own shell")[1]
    lines = re.search(r"^    \$ (duckdb .+)\n    D (.+)$", readme, re.MULTILINE)
    assert lines is not None
    command, query = lines.groups()
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", f"{command} -csv"],
        input=query,
        env=os.environ | demo.variables | {"HOME": str(tmp_path), "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    pairs = [int(row["sum(pairs)"]) for row in csv.DictReader(done.stdout.splitlines())]
    assert len(pairs) > 18
    assert sum(pairs) == demo.world.totals["pairs"]


def test_every_query_and_program_of_the_docs_is_answered(
    settled: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(queries()) > 8
    for query in queries():
        assert re.search(r"rows?( are shown|$)", table(query)), query
    assert len(programs()) == 6
    for program in programs():
        exec(program, {})  # noqa: S102 - our own
        assert capsys.readouterr().out, program


# Of a tenth too few are left to learn from; tests/serve/export/test_training.py has a small export.
@pytest.mark.parametrize("demo", [WHOLE], indirect=True)
def test_open_clips_own_program_trains_on_the_demos_export(
    demo: Demo, settled: None, tmp_path: Path
) -> None:
    arguments = ("export", str(tmp_path / "it"), "--format", "webdataset", "--limit", "256")
    assert ": 256 pairs of snapshot" in _pairlake(demo.pictures, *arguments)
    losses = train(str(tmp_path / "it" / "00000.tar"), tmp_path / "logs", batch=32, epochs=1)
    assert len(losses) == 8
    assert losses[-1] < losses[0]


# The last: it takes down and decides by other recipes.
@pytest.mark.parametrize("demo", [WHOLE], indirect=True)
def test_every_command_of_the_docs_runs(demo: Demo, settled: None, tmp_path: Path) -> None:
    with shell(tmp_path, demo.variables) as opened:
        for command in to_run():
            done = opened.run(command)
            assert done.returncode == 0, command + done.stdout + done.stderr
