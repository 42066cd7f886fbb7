"""Wrong use gives one clear sentence with the next step, an exit code, and no traceback."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

import pytest
from click.testing import CliRunner, Result

from pairlake.commands import main
from pairlake.lake.settings import settings


def _pairlake(*arguments: str, **environment: str) -> Result:
    """The command in this process: what it prints and exits with; an error that it lets through."""
    # The demo sets the environment of its process.
    with patch.dict(os.environ, environment):
        return CliRunner().invoke(main, arguments)


def _complains(done: Result, *words: str) -> None:
    assert done.exit_code != 0, done.output
    # Anything else would reach the user as a traceback.
    assert isinstance(done.exception, SystemExit), done.exception
    for word in words:
        assert word in done.output


def test_a_process_ends_with_a_sentence_and_no_traceback() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pairlake", "sql", "select nothing from nowhere"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "nowhere" in done.stderr


def test_ctrl_c_ends_a_question_also_after_polars_was_used() -> None:
    asking = (
        "import polars; polars.LazyFrame({'a': [1]}).collect(); "
        "from pairlake.commands.removal import _confirmed; _confirmed('So?')"
    )
    with subprocess.Popen(
        [sys.executable, "-c", asking], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as asked:
        assert asked.stderr is not None
        while asked.stderr.read(1) not in (b":", b""):
            pass
        for _ in range(20):  # it may come right before the answer is waited for
            asked.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                assert asked.wait(1) == 1
                break
        else:
            asked.kill()
            pytest.fail("It goes on asking.")


def test_no_such_file(tmp_path: Path) -> None:
    _complains(_pairlake("crawl", str(tmp_path / "nowhere.warc.wat.gz")), "nowhere.warc.wat.gz")


def test_neither_file_nor_crawl() -> None:
    _complains(_pairlake("crawl"), "--crawl")


def test_a_disk_that_is_full_when_the_catalog_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("pairlake.lake.maintain.back_up", full)
    _complains(_pairlake("maintain"), "disk is full", "run it again")


def test_a_catalog_that_is_none() -> None:
    file = settings().catalog_file
    file.parent.mkdir(parents=True)
    file.write_bytes(b"nonsense" * 1000)
    _complains(_pairlake("sql", "select 1"), str(file), "pairlake restore")


def test_an_unknown_recipe_names_the_known_ones() -> None:
    done = _pairlake("forget", "--url", "http://a.example/", PAIRLAKE_RECIPE="laion_6b")
    _complains(done, "laion_6b", "laion_5b", "laion_400m")


def test_an_unknown_job_names_the_known_ones() -> None:
    _complains(_pairlake("enrich", "image_colours"), "image_colours", "image_hashes")


def test_models_are_listed_and_refused_in_words() -> None:
    assert "ViT-B-32/openai" in _pairlake("models").stdout
    _complains(
        _pairlake("models", "--fetch", "ViT-B-32/nobody"), "ViT-B-32/nobody", "pairlake models"
    )


@pytest.mark.parametrize("command", ["fetch", "enrich", "publish", "why a.example/1.jpg"])
def test_before_the_first_build_the_next_step_is_named(command: str) -> None:
    _complains(_pairlake(*command.split()), "dbt build")


@pytest.mark.parametrize(
    "arguments",
    [
        ("sql", "select '\udce9'"),
        ("export", "a.parquet", "--where", "caption contains \udce9"),
        ("export", "na\udce9ve.csv"),
        ("enrich", "\udce9"),
        ("forget", "--url", "http://a.example/\udce9"),
        ("models", "--fetch", "\udce9"),
        ("why", "\udce9"),
    ],
)
def test_arguments_that_are_no_text(arguments: tuple[str, ...]) -> None:
    _complains(_pairlake(*arguments), "\\xe9", "UTF-8")


def test_a_setting_that_is_no_text() -> None:
    _complains(_pairlake("sql", "select 1", PAIRLAKE_HOME="a\udce9"), "PAIRLAKE_HOME", "UTF-8")


def test_names_of_files_are_no_text_and_need_not_be(tmp_path: Path) -> None:
    file = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.csv")
    Path(file).write_text("url,caption\nhttp://a.example/1.jpg,a cat\n")
    for arguments, given in (([file], b""), (["-"], os.fsencode(file))):
        done = CliRunner().invoke(main, ["crawl", *arguments], input=given)
        assert done.exit_code == 0, done.output


def test_a_query_that_cannot_be_answered() -> None:
    _complains(_pairlake("sql", "select nothing from nowhere"), "nowhere")


def test_the_lake_cannot_be_changed_by_a_query() -> None:
    _complains(_pairlake("sql", "delete from raw.downloads"), "read-only")


@pytest.mark.parametrize(
    ("command", "setting"), [("serve", "PAIRLAKE_PORT"), ("demo", "PAIRLAKE_DEMO_PORT")]
)
def test_a_port_in_use_is_named_before_anything_is_made(
    command: str, setting: str, home: Path
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        _complains(_pairlake(command, **{setting: port}), f"Port {port}", f"another with {setting}")
    assert not home.exists()


def test_an_image_hash_that_is_none() -> None:
    _complains(_pairlake("forget", "--image-hash", "zz"), "md5 or sha256")


def test_a_list_of_requests_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "requests.csv").write_text("kind,value\nimage_hash,zz\n")
    done = _pairlake("forget", "--file", str(tmp_path / "requests.csv"))
    _complains(done, "Line 2", "requests.csv", "md5 or sha256")


def test_a_demo_without_its_packages_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("pairlake.demo.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "emoji", None)
    _complains(_pairlake("demo", "--env"), "emoji", "pip install -e '.[demo]'")


def test_a_folder_without_captions_is_no_demo(tmp_path: Path) -> None:
    _complains(_pairlake("demo", "--pictures", str(tmp_path)), "captions_by_language.json")


def test_a_folder_without_its_pictures_is_no_demo(tmp_path: Path) -> None:
    (tmp_path / "captions_by_language.json").write_text('[["cat.png", {"en": "A cat"}]]')
    _complains(_pairlake("demo", "--pictures", str(tmp_path)), "cat.png")


def test_what_asks_no_model_imports_neither_torch_nor_open_clip() -> None:
    program = (
        "import sys, pairlake.lake.dbt_plugin\n"
        "import pairlake.ingest.crawl.job, pairlake.ingest.fetch.job\n"
        "import pairlake.serve.export.export\n"
        "from click.testing import CliRunner\n"
        "from pairlake.commands import main\n"
        "for arguments in (['sql', 'select 1'], ['enrich', 'nothing'], ['models'], ['fetch']):\n"
        "    CliRunner().invoke(main, arguments)\n"
        "print({'torch', 'open_clip', 'transformers'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().splitlines()[-1] == "set()"


def test_ctrl_c_while_the_commands_are_imported_is_one_line() -> None:
    program = (
        "import builtins, runpy, sys\n"
        "load = builtins.__import__\n"
        "def interrupted(name, *more, **named):\n"
        "    if name == 'click': raise KeyboardInterrupt\n"
        "    return load(name, *more, **named)\n"
        "builtins.__import__ = interrupted\n"
        "runpy.run_module('pairlake', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "Interrupted; what had landed is kept.\n"
