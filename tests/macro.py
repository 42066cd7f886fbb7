"""A dbt macro as SQL, for tests that run it without dbt."""

from __future__ import annotations

from jinja2 import Template

from pairlake.lake.project import ROOT


def rendered(file: str, call: str) -> str:
    """What a call comes to of a macro in that file of macros/."""
    return Template((ROOT / "macros" / file).read_text() + f"{{{{ {call} }}}}").render().strip()
