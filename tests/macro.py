"""A dbt macro as SQL or as what it returns, for tests that run it without dbt."""

from __future__ import annotations

from typing import Any

from jinja2 import Template

from pairlake.lake.project import ROOT


def rendered(file: str, call: str) -> str:
    """What a call comes to of a macro in that file of macros/."""
    return _template(file, call).render().strip()


def returned(file: str, call: str) -> Any:
    """What a call returns of a macro in that file of macros/."""
    found: list[Any] = []
    _template(file, call).render({"return": found.append})
    return found[0]


def _template(file: str, call: str) -> Template:
    return Template((ROOT / "macros" / file).read_text() + f"{{{{ {call} }}}}")
