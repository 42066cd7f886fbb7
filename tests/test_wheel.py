"""The package as others install it: from sdist and wheel, used in a folder that is no checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

from pairlake.lake.project import ROOT

pytestmark = pytest.mark.slow

# Modules of the folder in which somebody works, by the names that our rooms have in a checkout.
ROOMS = ("lake", "ingest", "udfs", "serve", "demo", "models", "macros")


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel in it, and a folder to work in."""

    programs: Path
    package: Path
    folder: Path

    def run(self, program: str, *arguments: str, cwd: Path | None = None, **more: str) -> str:
        """What a program of the environment prints; it must end well."""
        own = {n: v for n, v in os.environ.items() if not n.startswith(("PAIRLAKE_", "DBT_"))}
        done = subprocess.run(
            [self.programs / program, *arguments],
            cwd=cwd or self.folder, env=own | more, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def files(self) -> dict[str, bytes]:
        """All that the package holds, but what Python compiles of it."""
        found = (path for path in self.package.rglob("*") if path.is_file())
        return {
            str(path.relative_to(self.package)): path.read_bytes()
            for path in found
            if path.suffix != ".pyc"
        }


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    place = tmp_path_factory.mktemp("wheel")
    # The wheel is built from the sdist.
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(place / "dist")]
    subprocess.run([*build, str(ROOT)], check=True, capture_output=True)
    venv.create(place / "environment", with_pip=False)
    libraries = place / "environment" / Path(sysconfig.get_path("purelib")).relative_to(sys.prefix)
    # A path that is added so brings the dependencies, and not what makes the checkout importable.
    paths = [path for path in sys.path if Path(path).name == libraries.name]
    (libraries / "dependencies.pth").write_text("\n".join(paths))
    programs = place / "environment" / "bin"
    (wheel,) = (place / "dist").glob("*.whl")
    pip = [programs / "python", "-m", "pip", "--quiet", "install", "--no-deps", "--no-index", wheel]
    subprocess.run(pip, check=True, capture_output=True)
    (place / "work").mkdir()
    for name in ROOMS:
        (place / "work" / f"{name}.py").write_text("raise SystemExit('this is not pairlake')")
    return Installed(programs, libraries / "pairlake", place / "work")


def test_one_name_is_installed(installed: Installed) -> None:
    libraries = installed.package.parent
    ours = {path.name for path in libraries.iterdir() if not path.name.endswith(".dist-info")}
    assert ours - {"__pycache__"} == {"pairlake", "dependencies.pth"}
    assert {"LICENSE", "MODEL_CARD.md"} <= {path.name for path in installed.package.rglob("*")}


def test_the_demo_runs_from_another_folder(installed: Installed, free_port: int) -> None:
    before = installed.files()
    printed = installed.run("pairlake", "demo", PAIRLAKE_DEMO_PORT=str(free_port))
    assert "What became of the pairs" in printed
    home = str(installed.folder / "data" / "demo")
    assert f"export PAIRLAKE_HOME={home}" in installed.run("pairlake", "demo", "--env")

    demo = {"PAIRLAKE_HOME": home, "PAIRLAKE_RECIPE": "demo"}
    kept = installed.run("python", "-m", "pairlake", "sql", "from pairs", "--format", "csv", **demo)
    assert len(kept.splitlines()) > 1_000
    forgotten = installed.run("pairlake", "forget", "--domain", "a.example", **demo)
    assert "pairs are hidden in all" in forgotten
    assert "backed up" in installed.run("pairlake", "maintain", **demo)
    assert installed.files() == before


def test_a_project_of_ones_own_is_built_by_dbt(installed: Installed) -> None:
    before = installed.files()
    installed.run("pairlake", "init", "mine")
    mine = installed.folder / "mine"
    rules = mine / "macros" / "rules.sql"
    rules.write_text(rules.read_text() + "-- mine")
    dbt = "from dbt.cli.main import cli; cli(['build', '--exclude-resource-type', 'unit_test'])"
    assert "Completed successfully" in installed.run("python", "-c", dbt, cwd=mine)
    assert (mine / "data" / "catalog.sqlite").is_file()
    assert "0" in installed.run("pairlake", "sql", "select count(*) from pairs", cwd=mine)
    assert installed.files() == before
