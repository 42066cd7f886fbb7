"""What `pairlake sql` shows and writes: all rows, each column, nothing that a terminal obeys."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from pairlake.commands import main
from pairlake.lake import catalog
from pairlake.lake.append import append
from pairlake.lake.catalog import writing
from pairlake.lake.errors import BadRequest
from pairlake.lake.interruption import Interrupted, explained_interruptions
from pairlake.lake.query import MOST_ROWS, table, write
from pairlake.lake.recipe import why_nothing
from pairlake.lake.settings import settings
from pairlake.lake.text_table import drawn

pytestmark = pytest.mark.usefixtures("lake_without_rows")
TWINS = "select * from (select 1 as a, 'x' as b) as l join (select 2 as a, 'y' as b) as r on true"


def _numbers(text: str) -> list[int]:
    cells = (line.strip("│ ") for line in text.splitlines() if line.startswith("│"))
    return [int(cell) for cell in cells if cell.isdecimal()]


def test_all_rows_are_shown_up_to_the_limit_that_is_stated() -> None:
    shown = table("from range(100)")
    assert _numbers(shown) == list(range(100))
    assert shown.endswith("\n100 rows")
    shown = table("from range(1000)")
    assert _numbers(shown) == list(range(MOST_ROWS))
    assert f"first {MOST_ROWS} rows" in shown
    assert table("select 1 where false").endswith("\n0 rows")
    assert table("set threads = 1") == ""


def test_columns_of_one_name_are_all_shown() -> None:
    assert [line.split() for line in table(TWINS).splitlines()[1:4:2]] == [
        ["│", "a", "│", "b", "│", "a", "│", "b", "│"],
        ["│", "1", "│", "x", "│", "2", "│", "y", "│"],
    ]


@pytest.mark.parametrize("columns", [1, 2, 5, 38])
def test_what_is_wider_than_the_terminal_is_wrapped_and_whole(columns: int) -> None:
    names = [f"name_of_column_{number}" for number in range(columns)]
    values = [f"<{number} {'word ' * 30}{'x' * 90}>" for number in range(columns)]
    text = drawn(names, [False] * columns, [values, [None] * columns], 80)
    assert max(map(len, text.splitlines())) == 80
    # A column's text goes on below itself, whichever way the rows are drawn.
    assert text.count("x") == 90 * columns
    assert text.count("word") == 30 * columns
    assert text.count("NULL") == columns
    assert len(drawn(names, [False] * columns, [values], None).splitlines()[0]) > 80


def test_what_a_terminal_would_obey_is_shown_by_its_escape() -> None:
    shown = table("select chr(27) || '[2J' || chr(7) || chr(8238) || '日本\u3000語' as caption")
    assert "\\x1b[2J\\x07\\u202e日本\u3000語" in shown
    assert shown.isprintable() or not any(c in shown for c in "\x1b\x07\u202e")


def test_files_have_all_rows_and_each_name_once() -> None:
    def written(query: str, format: str) -> bytes:
        sink = io.BytesIO()
        write(query, format, sink)
        return sink.getvalue()

    values = {"a": 1, "b": "x", "a_1": 2, "b_1": "y"}
    assert json.loads(written(TWINS, "json")) == [values]
    assert list(csv.DictReader(io.StringIO(written(TWINS, "csv").decode()))) == [
        {name: str(value) for name, value in values.items()}
    ]
    assert pq.read_table(io.BytesIO(written(TWINS, "parquet"))).to_pylist() == [values]
    assert written("from range(30000)", "csv").count(b"\n") == 30_001
    assert json.loads(written("select 1 where false", "json")) == []
    assert b"image_url" in written("describe raw.image_text_pairs", "csv")
    with pytest.raises(BadRequest, match="no rows"):
        written("set threads = 1", "csv")
    # An answer that breaks off is none.
    sink = io.BytesIO()
    with pytest.raises(BadRequest, match="answered"):
        write("select if(i < 29000, 'x', error('broken')) from range(30000) t(i)", "csv", sink)
    assert sink.getvalue() == b""


def test_the_command_writes_what_it_is_asked_for() -> None:
    done = CliRunner().invoke(main, ["sql", "--format", "parquet", "select uuid() as id"])
    assert done.exit_code == 0, done.output
    assert pq.read_schema(io.BytesIO(done.stdout_bytes)).field("id").type == pa.uuid()


@pytest.mark.parametrize("format", ["table", "csv"])
def test_an_interrupt_is_one_line_while_duckdb_is_at_work(format: str, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    endless = "select count(*) from range(10000000000) where sin(range) = 2"
    query = f"copy (select 1) to '{begun}'; {endless}"
    command = [sys.executable, "-m", "pairlake", "sql", query, "--format", format]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while not begun.exists():
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
        assert process.stderr is not None
        assert process.stderr.read() == "Interrupted; what had landed is kept.\n"


@pytest.mark.parametrize("module", ["pandas", "pyarrow.dataset"])
def test_an_interrupt_is_not_lost_in_what_duckdb_imports(module: str) -> None:
    program = (
        "import os, signal, sys\n"
        "class Finder:\n"
        "    def find_spec(name, path=None, target=None):\n"
        f"        if name == {module!r} and Finder in sys.meta_path:\n"
        "            sys.meta_path.remove(Finder)\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder)\n"
        "from pairlake.commands import main\n"
        "main(['sql', 'select 1'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 130
    assert (done.stdout, done.stderr) == ("", "Interrupted; what had landed is kept.\n")


def test_an_interrupt_that_python_ignores_comes_again() -> None:
    with pytest.raises(Interrupted), explained_interruptions():
        _go_on_after(_Deaf())


class _Deaf:
    def __del__(self) -> None:
        raise KeyboardInterrupt


def _go_on_after(ignored: object) -> None:
    del ignored
    for _ in range(1_000):
        threading.Event().wait(0.01)


def test_what_others_make_of_an_interrupt_is_one() -> None:
    with pytest.raises(Interrupted), explained_interruptions():
        _fail_after(KeyboardInterrupt())
    with pytest.raises(BadRequest), explained_interruptions():
        _fail_after(ValueError())


def _fail_after(error: BaseException) -> None:
    try:
        try:
            raise error
        except BaseException as raised:
            raise RuntimeError("Query interrupted") from raised
    except RuntimeError:
        raise BadRequest("dbt build failed at 1 places") from None


def test_who_may_only_read_is_answered_and_told_what_is_not_theirs() -> None:
    append({"raw.takedowns": pa.table({"kind": ["url"], "reason": ["one"]})})
    home = settings().home
    # As a copy of a lake has it, or a lake whose last writer closed it.
    for beside in ("-wal", "-shm"):
        home.joinpath(f"catalog.sqlite{beside}").unlink(missing_ok=True)
    folders = [home, *(path for path in home.rglob("*") if path.is_dir())]
    for path in (*folders, settings().catalog_file):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        assert "1 row" in _as_reader("sql", "select reason from takedowns").stdout
        refused = _as_reader("forget", "--url", "http://a.example/")
        assert "may be read by you, and not written" in refused.stderr
        assert "Traceback" not in refused.stderr
    finally:
        for path in folders:
            path.chmod(0o755)


def test_on_a_disk_that_may_only_be_read_the_catalog_is_not_damaged() -> None:
    # As it is said there: a test can mount no disk.
    said = 'Failed to execute query "PRAGMA journal_mode=wal": unable to open database file'
    told = str(catalog._unreadable(settings(), duckdb.IOException(said)))
    assert "may be read by you, and not written" in told
    assert "restore" not in told


def _as_reader(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command without root's right to write everywhere."""
    command = [sys.executable, "-m", "pairlake", *arguments]
    if os.geteuid() == 0:
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            pytest.skip("root may write everywhere, and setpriv is not installed")
        rights = "-dac_override,-dac_read_search,-fowner"
        command = [setpriv, "--inh-caps=-all", f"--bounding-set={rights}", *command]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_recipe_that_keeps_nothing_for_want_of_scores_says_so() -> None:
    assert why_nothing() is None
    with writing() as con:
        con.execute(
            "create schema lake.marts; create table lake.marts.recipe_comparison as "
            "from (values ('laion_5b', true, 5761, 0, 5700), ('demo', false, 5761, 1545, 0)) "
            "as t (recipe, is_selected, pairs, kept, undecided)"
        )
    assert "5,761 pairs the recipe laion_5b keeps none, and 5,700 wait" in (why_nothing() or "")
    with writing() as con:
        con.execute("update lake.marts.recipe_comparison set is_selected = not is_selected")
    assert why_nothing() is None
