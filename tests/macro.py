"""A dbt macro as SQL or as what it returns, for tests that run it without dbt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jinja2 import Template

from pairlake.lake.project import ROOT


def rendered(file: str, call: str) -> str:
    """What a call comes to of a macro in that file of macros/."""
    return _template(file, call).render().strip()


def returned(file: str, call: str, **macros: Callable[..., Any]) -> Any:
    """What a call returns of a macro in that file of macros/, beside macros of other files."""
    found: list[Any] = []
    _template(file, call).render({"return": found.append, **macros})
    return found[0]


def recipe_rules() -> list[dict[str, Any]]:
    """The rules that a recipe may have."""
    ratings = returned("ratings.sql", "ratings()")
    rules: list[dict[str, Any]] = returned("recipes.sql", "recipe_rules()", ratings=lambda: ratings)
    return rules


def _template(file: str, call: str) -> Template:
    written = (ROOT / "macros" / file).read_text()
    return Template(f"{written}{{{{ {call} }}}}", extensions=["jinja2.ext.do"])
