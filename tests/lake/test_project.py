"""Where the dbt project is, and what `pairlake init` lays out."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from pairlake.commands import main
from pairlake.lake.errors import BadRequest
from pairlake.lake.project import PARTS, RECIPES, ROOT, data_folder, lay_out, project
from pairlake.lake.settings import settings


def _ran(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, arguments)
    return done.exit_code, done.output


def _recipes(folder: Path) -> str:
    return (folder / RECIPES).read_text()


def test_the_parts_are_all_that_the_project_names() -> None:
    import yaml

    named = yaml.safe_load((ROOT / "dbt_project.yml").read_text())
    paths = {path for key, paths in named.items() if key.endswith("-paths") for path in paths}
    # Below models lie the seeds and the docs.
    assert {path for path in paths if not path.startswith("models/")} == {
        part for part in PARTS if (ROOT / part).is_dir()
    }
    for part in PARTS:
        assert (ROOT / "pairlake" / part).samefile(ROOT / part), "the wheel has it by this link"


def test_commands_go_by_the_project_of_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PAIRLAKE_HOME")
    monkeypatch.chdir(tmp_path)
    assert (project(), settings().home) == (ROOT, ROOT / "data")

    assert _ran("init", "mine")[0] == 0
    monkeypatch.chdir("mine")
    assert (project(), settings().home) == (tmp_path / "mine", tmp_path / "mine" / "data")
    recipes = _recipes(Path())
    header, *rows = recipes.splitlines()
    laion = [row.replace("laion_5b", "my_own", 1) for row in rows if row.startswith("laion_5b,")]
    Path(RECIPES).write_text("\n".join((header, *laion, "")))
    monkeypatch.setenv("PAIRLAKE_RECIPE", "demo")
    code, said = _ran("enrich")
    assert code == 1
    assert "there are my_own." in said
    assert _recipes(ROOT) == recipes


def test_init_takes_the_place_of_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    assert _ran("init", ".")[0] == 0
    left = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert (tmp_path / "tests" / "data").is_dir()

    code, said = _ran("init", ".")
    assert (code, f"has its {PARTS[0]} already" in said) == (1, True)
    for part in PARTS:
        other = tmp_path / "other" / part.replace("/", "-")
        (other / part).mkdir(parents=True)
        with pytest.raises(BadRequest, match=f"has its {part} already"):
            lay_out(other)
        assert [path for path in other.rglob("*") if path.is_file()] == []
    assert "Name a folder" in _ran("init", "")[1]
    (tmp_path / "file").touch()
    with pytest.raises(BadRequest, match="cannot be written"):
        lay_out(tmp_path / "file" / "project")
    assert {p: p.read_bytes() for p in left} == left


def test_an_interrupted_init_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("shutil.copytree", interrupted)
        with pytest.raises(KeyboardInterrupt):
            lay_out(tmp_path / "mine")
    assert list((tmp_path / "mine").iterdir()) == []
    lay_out(tmp_path / "mine")


def test_the_package_itself_is_not_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a wheel has it: the project in the package, and no checkout around it."""
    package = tmp_path / "site-packages" / "pairlake"
    lay_out(package)
    monkeypatch.setattr("pairlake.lake.project.ROOT", package)
    monkeypatch.chdir(tmp_path)
    assert (project(), data_folder()) == (package, tmp_path / "data")
    code, said = _ran("fetch")
    assert code == 1
    assert said.endswith("run: dbt build (in a folder that has run `pairlake init .` first)\n")


def test_elsewhere_it_is_said_where_dbt_builds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert _ran("fetch")[1].endswith("run: dbt build\n")
    monkeypatch.chdir(tmp_path)
    assert _ran("fetch")[1].endswith(f"run: dbt build (in {ROOT})\n")


def test_a_folder_named_dot_is_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PAIRLAKE_HOME", ".")
    monkeypatch.setenv("PAIRLAKE_MODELS", ".")
    assert (settings().home, settings().models) == (tmp_path, tmp_path)


def test_a_working_folder_that_is_gone_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    for home in ("", "."):
        monkeypatch.setenv("PAIRLAKE_HOME", home)
        code, said = _ran("fetch")
        assert (code, "is gone; change into another" in said) == (1, True)
