"""Decodes character references, `&amp;` and the like, as HTML has it in attributes."""

from __future__ import annotations

import re
from html import unescape
from html.entities import html5

_NUMBER = "#[0-9]+|#[xX][0-9a-fA-F]+"
# A name without a semicolon is none where it could go on, so that URLs keep `&copy=1` (HTML,
# 13.2.5.73).
_IN_ATTRIBUTES = re.compile(rf"&(?:({_NUMBER});?|([a-zA-Z][a-zA-Z0-9]*(?:;|(?![=a-zA-Z0-9]))))")
_WHOLE = re.compile(rf"&(?:({_NUMBER});|([a-zA-Z][a-zA-Z0-9]*;))")

# No character has a number as long; Python would refuse to read thousands of digits.
_MAX_DIGITS = 7


def decoded(text: str) -> str:
    """The value of an attribute that stands in the page as `text`."""
    return _IN_ATTRIBUTES.sub(_character, text) if "&" in text else text


def decoded_if_whole(text: str) -> str:
    """`text` with what is a reference beyond doubt decoded: one that ends with a semicolon."""
    return _WHOLE.sub(_character, text) if "&" in text else text


def _character(reference: re.Match[str]) -> str:
    number, name = reference.groups()
    if name:
        return html5.get(name, reference[0])
    digits = number.lstrip("#xX").lstrip("0") or "0"
    base = "#x" if number[1] in "xX" else "#"
    return unescape(f"&{base}{digits};") if len(digits) <= _MAX_DIGITS else "\ufffd"
