"""The dbt project that the commands go by: where it is, and how one of your own is laid out."""

from __future__ import annotations

from pathlib import Path

from pairlake.lake.errors import BadRequest

# The top of the checkout; where there is none, the package, which holds the project too.
ROOT = Path(__file__).resolve().parents[1]
PARTS = ("dbt_project.yml", "profiles.yml", "selectors.yml", "models", "macros", "tests/data")
# dbt has to be told by its own file, and the commands read this one.
RECIPES = Path("models", "seeds", "recipes.csv")
RULES = Path("macros", "recipes.sql")


def project() -> Path:
    """The working folder where such a project lies in it, as dbt itself has it; else ROOT."""
    here = working_folder()
    is_project = (here / "dbt_project.yml").is_file() and (here / RECIPES).is_file()
    return here if is_project else ROOT


def data_folder() -> Path:
    """`data` beside the project; in the working folder where the package holds the project."""
    return (working_folder() if is_packaged() else project()) / "data"


def is_packaged() -> bool:
    """Whether the project at work is the package's own, which is not to be written to."""
    return project() == ROOT and not (ROOT / "pairlake").is_dir()


def lay_out(folder: Path) -> None:
    """Copy the project of ROOT into a folder, which may hold other things.

    Raises BadRequest if it holds a part of a project already, or if it cannot be written.
    """
    # Every command imports this file, and few lay a project out.
    import shutil
    import tempfile

    for part in PARTS:
        if (folder / part).exists():
            raise BadRequest(f"{folder} has its {part} already; name a folder that has none.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # What is interrupted leaves nothing: the parts come to their places when all are there.
        with tempfile.TemporaryDirectory(dir=folder, prefix=".init-") as made:
            for part in PARTS:
                copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
                Path(made, part).parent.mkdir(exist_ok=True)
                copy(ROOT / part, Path(made, part))
            for part in reversed(PARTS):
                (folder / part).parent.mkdir(exist_ok=True)
                Path(made, part).rename(folder / part)
    except OSError as error:
        raise BadRequest(f"{folder} cannot be written ({error.strerror}); name another.") from error


def where_dbt_builds() -> str:
    """What to say behind `dbt build` to one whose working folder is no project; else nothing."""
    if project() != ROOT or working_folder() == ROOT:
        return ""
    if is_packaged():
        return " (in a folder that has run `pairlake init .` first)"
    return f" (in {ROOT})"


def working_folder() -> Path:
    """The folder in which this runs; BadRequest where it is gone."""
    try:
        return Path.cwd()
    except FileNotFoundError as error:
        raise BadRequest("The folder in which this runs is gone; change into another.") from error
