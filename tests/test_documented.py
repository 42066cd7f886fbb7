"""What a user can type is documented, and the documentation says what is there."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from pairlake.commands import main
from pairlake.lake.project import ROOT
from pairlake.lake.settings import Settings
from tests.documented import ELSEWHERE, NETWORK, commands
from tests.reasons import reasons

README = (ROOT / "README.md").read_text()
SETTINGS_PAGE = ROOT / "docs" / "settings.md"
REASONS_PAGE = ROOT / "docs" / "reasons.md"


def settings_page() -> str:
    """The page of settings, from the settings themselves."""
    lines = ["# Settings", "", "Environment variables; each has a default that works.", ""]
    lines += ["| variable | default | what it is |", "|---|---|---|"]
    for field in fields(Settings):
        default = str(field.default) or "—"
        default = "—" if default == "." else f"`{default}`"
        lines.append(f"| `PAIRLAKE_{field.name.upper()}` | {default} | {field.metadata['help']} |")
    return "\n".join(lines) + "\n"


def reasons_page() -> str:
    """The page of reasons, from the list that SQL has them from."""
    lines = ["# Why a pair is out", ""]
    lines += ["In the order in which reasons count; the mart `drop_reasons` has the same rows.", ""]
    lines += ["| reason | kind | the pair is out because |", "|---|---|---|"]
    lines += [f"| `{each.reason}` | {each.kind} | {each.meaning} |" for each in reasons()]
    return "\n".join(lines) + "\n"


def test_the_page_of_settings_is_current() -> None:
    assert SETTINGS_PAGE.read_text() == settings_page(), (
        "run: .venv/bin/python -m tests.test_documented"
    )


def test_the_page_of_reasons_is_current() -> None:
    assert REASONS_PAGE.read_text() == reasons_page(), (
        "run: .venv/bin/python -m tests.test_documented"
    )


@pytest.mark.parametrize("name", list(main.commands))
def test_every_command_has_help_with_an_example_and_is_in_the_readme(name: str) -> None:
    command = main.commands[name]
    written = (inspect.getdoc(command.callback) or "").partition("Example: ")[2]
    shown = CliRunner(env={"COLUMNS": "80"}).invoke(main, [name, "--help"]).output
    assert (
        [line.strip() for line in written.splitlines()]
        == [
            line.strip()
            for line in shown.partition("Example: ")[2].partition("\n\n")[0].splitlines()
        ]
        != []
    )
    assert all(p.help for p in command.params if isinstance(p, click.Option)), name
    assert f"pairlake {name}" in README


def test_every_danger_names_a_test_that_is_there() -> None:
    page = (ROOT / "docs" / "reliability.md").read_text()
    tables = re.findall(r"^\| danger .*\n\|--.*\n((?:\|.*\n)+)", page, re.MULTILINE)
    dangers = [row for table in tables for row in table.splitlines()]
    assert len(dangers) > 10
    named = [re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row) for row in dangers]
    assert all(named), dangers[named.index([])]
    for file, test in (each for tests in named for each in tests):
        assert _is_there(file, test), test


def test_what_runs_elsewhere_is_documented_and_its_test_is_there() -> None:
    for beginning, where in ELSEWHERE.items():
        assert any(re.match(beginning, command) for command in commands()), beginning
        file, _, test = where.partition("::")
        assert where == NETWORK or _is_there(file, test), where


def _is_there(file: str, test: str) -> bool:
    return re.search(rf"^def {test}\(", (ROOT / file).read_text(), re.MULTILINE) is not None


if __name__ == "__main__":
    Path(SETTINGS_PAGE).parent.mkdir(exist_ok=True)
    SETTINGS_PAGE.write_text(settings_page())
    REASONS_PAGE.write_text(reasons_page())
