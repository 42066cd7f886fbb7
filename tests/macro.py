"""A dbt macro as SQL or as what it returns, for tests that run it without dbt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jinja2 import Template

from pairlake.lake.project import ROOT


def rendered(file: str, call: str) -> str:
    """What a call comes to of a macro in that file of macros/."""
    return _template(file, call).render().strip()


def returned(file: str, call: str, **others: Callable[..., Any]) -> Any:
    """What a call returns of a macro in that file of macros/, which may call `others`."""
    found: list[Any] = []
    _template(file, call).render({"return": found.append, **others})
    return found[0]


def ratings() -> Any:
    """The scores that pairs are rated by."""
    return returned("ratings.sql", "ratings()")


def recipe_rules() -> Any:
    """The rules that a recipe may have."""
    return returned("recipes.sql", "recipe_rules()", ratings=ratings)


def drop_reasons() -> Any:
    """The reasons for which pairs are out."""
    return returned("drop_reasons.sql", "drop_reasons()", ratings=ratings)


def _template(file: str, call: str) -> Template:
    written = (ROOT / "macros" / file).read_text()
    return Template(f"{written}{{{{ {call} }}}}", extensions=["jinja2.ext.do"])
