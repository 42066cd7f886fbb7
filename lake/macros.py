"""The lists that macros of the dbt project hold, for Python: its scores, the rules of recipes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import Template, TemplateError

from pairlake.lake.errors import BadRequest
from pairlake.lake.project import RULES

Entries = list[dict[str, Any]]


def ratings(at: Path) -> Entries:
    """The scores of a project, as macros/ratings.sql describes them."""
    return _returned(at / "macros" / "ratings.sql", "ratings()")


def recipe_rules(at: Path) -> Entries:
    """The rules that recipes of a project may have, as macros/recipes.sql describes them."""
    scores = ratings(at)
    return _returned(at / RULES, "recipe_rules()", ratings=lambda: scores)


def _returned(file: Path, call: str, **macros: Callable[[], Entries]) -> Entries:
    """What a call of a macro in a file returns."""
    found: list[Entries] = []
    text = f"{file.read_text(encoding='utf-8')}{{{{ {call} }}}}"
    try:
        Template(text, extensions=["jinja2.ext.do"]).render({"return": found.append, **macros})
    except TemplateError as error:
        raise BadRequest(f"{file} cannot be read ({error}); run dbt parse, and mend it.") from error
    return found[0]
