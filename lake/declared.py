"""What the jobs of udfs/ declare, read from their files: to run one would import what it needs.

A job is a file whose name begins with what its rows are about, and its table has the same name.
"""

from __future__ import annotations

import ast
from functools import lru_cache
from pathlib import Path
from typing import Any

from pairlake.lake.errors import BadJob
from pairlake.lake.project import ROOT

ABOUT = ("image_", "caption_", "pair_")
JOB_FILES = {
    path.stem: path for path in sorted((ROOT / "udfs").glob("*.py")) if path.stem.startswith(ABOUT)
}


def declared(file: Path, name: str, default: object = None) -> Any:
    """The literal that a file assigns to `name` at its top level; `default` where it does not.

    Raises BadJob, with the file and line, where that is no literal, or missing without a default.
    """
    value = _assigned(file).get(name)
    if value is None and default is None:
        raise BadJob(f"{file} lacks a line that begins `{name} =`; other jobs of udfs/ show it.")
    if value is None:
        return default
    try:
        return ast.literal_eval(value)
    except ValueError as error:
        raise BadJob(
            f"{file}, line {value.lineno}: `{name}` has to be written out, without calls or names, "
            "since it is read without running the file."
        ) from error


@lru_cache
def _assigned(file: Path) -> dict[str, ast.expr]:
    """What stands behind each `name =` of a file's top level."""
    try:
        statements = ast.parse(file.read_bytes()).body
    except SyntaxError as error:
        raise BadJob(f"{file}, line {error.lineno}: {error.msg}") from error
    found: dict[str, ast.expr] = {}
    for statement in statements:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found[name] = value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                found[name] = value
    return found
