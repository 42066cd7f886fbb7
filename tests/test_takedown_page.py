"""What docs/takedown.md says of its SQL, and of what is asked before anything goes, is so."""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from pairlake.commands import main
from pairlake.lake.append import append
from pairlake.lake.catalog import connect, rows, writing
from pairlake.lake.project import ROOT
from pairlake.lake.takedowns import record_takedowns
from pairlake.serve.export.export import export
from tests.keyed import with_pair_keys
from tests.serve.conftest import APPLE, CAT, POMME, SEA, Mart
from tests.serve.export.exporting import with_verdicts

(SURVIVORS,) = re.findall(
    r"```sql\n(.*?)```", (ROOT / "docs" / "takedown.md").read_text(), flags=re.DOTALL
)


def _run(query: str) -> None:
    con = connect()
    con.execute(query)
    con.close()


def _texts(file: str, column: str) -> list[str]:
    values: list[str] = sorted(pq.read_table(file)[column].to_pylist())
    return values


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, into which the page's queries write."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def mart() -> Mart:
    return with_verdicts(Mart())


def test_survivors_are_what_both_releases_have(folder: Path, mart: Mart) -> None:
    mart.keep(APPLE, POMME, CAT)
    export(folder / "old.parquet")
    mart.keep(APPLE, POMME, SEA)
    export(folder / "new.parquet")

    _run(SURVIVORS)

    assert _texts("survivors.parquet", "TEXT") == sorted([APPLE.caption, POMME.caption])


def test_what_was_asked_for_cannot_be_told_from_what_went_with_it(mart: Mart) -> None:
    """By all that the lake knows of a removal, and by whether an older release has it."""
    mart.keep(APPLE, CAT, SEA)
    with writing() as con:
        con.execute("update lake.marts.pairs set url_id = md5(image_url)::uuid")
    record_takedowns({"url": [CAT.image_url]}, reason="request 17", among=2)
    alike = rows(
        "select count(*), count(distinct row(kind, reason, requested_at, attempt_id, landed_at)), "
        "bool_and(value_id in (select url_id from lake.marts.pairs)) from lake.raw.takedowns"
    )
    assert alike == [(3, 1, True)]


@pytest.fixture
def to_be_forgotten(lake_without_rows: None) -> list[str]:
    """What to ask for, of which two pairs have landed that show a picture, and what is near."""
    page, other = "https://pages.example/me", "https://pages.example/else"
    pairs = [
        ("https://photos.example/me.jpg", "me", [page]),
        ("https://photos.example/me.jpg", "I", [page, other]),
        ("https://b.example/2.jpg", "Me at the lake", [other]),
    ]
    keys = ("image_url", "caption", "sightings")
    rows = [dict(zip(keys, pair, strict=True)) for pair in pairs]
    for row in rows:
        row["sightings"] = [{"page_url": url, "record_offset": 0} for url in row["sightings"]]
    landed = with_pair_keys(pa.Table.from_pylist(rows))
    asked = landed.select(["url_id"]).slice(1)
    image_ids = pa.array([uuid4().bytes for _ in range(asked.num_rows)], pa.uuid())
    append(
        {
            "raw.image_text_pairs": landed,
            "raw.downloads": asked.append_column("image_id", image_ids),
        }
    )
    return ["--url", pairs[0][0], "--page", page, "--caption", "Me at the Lake"]


_WOULD = """\
forget   url 1: 2 pairs and 1 picture match; to be hidden at once, erased by the next: pairlake \
maintain
forget   page 1: 2 pairs and 1 picture match, 1 of the pairs on other pages too, which lose this \
one; to be hidden at once, erased by the next: pairlake maintain
forget   caption 1: nothing matches; to be kept out from now on, if it lands
         nearest: Me at the lake
"""


def _recorded() -> int:
    ((count,),) = rows("select count(*) from lake.raw.takedowns")
    return int(count)


def test_a_dry_run_counts_and_records_nothing(to_be_forgotten: list[str]) -> None:
    done = CliRunner().invoke(main, ["forget", *to_be_forgotten, "--dry-run"])
    assert done.output == _WOULD + "forget   this was a dry run: nothing is recorded\n"
    assert _recorded() == 0
    asked = ["forget", "--domain", "github.io", "--dry-run"]
    assert "public suffix" in CliRunner().invoke(main, asked).output


@pytest.mark.parametrize(
    ("typed", "options", "recorded"),
    [("n\n", [], 0), ("\n", [], 0), ("y\n", [], True), ("", ["--yes"], True)],
)
def test_on_a_terminal_the_count_comes_before_the_question(
    to_be_forgotten: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    typed: str,
    options: list[str],
    recorded: bool,
) -> None:
    built: list[bool] = []
    monkeypatch.setattr("pairlake.commands.removal._rebuild_without_it", lambda: built.append(True))
    keyboard, terminal = os.openpty()
    os.write(keyboard, typed.encode())
    with os.fdopen(terminal) as asked, os.fdopen(os.dup(terminal), "w") as said:
        monkeypatch.setattr(sys, "stdin", asked)
        monkeypatch.setattr(sys, "stderr", said)
        main(["forget", *to_be_forgotten, *options], standalone_mode=False)
    question = _all_of(keyboard)

    assert bool(_recorded()) == bool(built) == recorded
    printed = capsys.readouterr().out
    assert printed.startswith(_WOULD) == (options == [])
    assert ("Forget it for good? [y/N]" in question) == (options == [])
    assert ("hidden now" in printed) == recorded


def _all_of(keyboard: int) -> str:
    """What a terminal has shown whose other end is closed."""
    shown = b""
    with open(keyboard, "rb", buffering=0) as terminal, suppress(OSError):
        # Linux ends it by an error.
        while some := terminal.read(10_000):
            shown += some
    return shown.decode()


def test_a_pipe_is_not_asked(to_be_forgotten: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pairlake.commands.removal._rebuild_without_it", lambda: None)
    done = CliRunner().invoke(main, ["forget", *to_be_forgotten])
    assert done.exit_code == 0
    assert "hidden now" in done.output
    assert "?" not in done.output
    assert _recorded() > 0
