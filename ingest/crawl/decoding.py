"""Turns the bytes of an HTML page into its text, and its text into a tree."""

from __future__ import annotations

import re

import endec
import html5prescan
from resiliparse.parse.encoding import detect_encoding
from resiliparse.parse.html import HTMLTree

# Where the standard looks for a <meta>, and its rule for the declaration of an XML document.
_PRESCANNED_BYTES = 1_024
_TOLD = re.compile(rb"charset|<\?xml", re.IGNORECASE)
_XML_DECLARATION = re.compile(rb"<\?xml[^>]*?\bencoding\s*=\s*[\"']([^\"'>]+)[\"']")
# A page of which so few characters beyond ASCII are none is UTF-8 all the same: of texts in other
# encodings, Thai the most, a fifth of them looks like it.
_BAD_SHARE = 0.5
_ASCII = bytes(range(128))
_BAD = "\ufffd"

# Where a <meta> may tell the encoding.
_TELLING = 'meta[charset], meta[http-equiv="content-type" i]'


def parsed(body: bytes, charset: str | None) -> HTMLTree:
    """The tree of a page; `charset` is what the HTTP header says of its encoding."""
    text, is_told = decoded(body, charset)
    tree = HTMLTree.parse(text)
    if is_told or tree.document is None:
        return tree
    # A <meta> further down is heard when the parser comes to it, which then begins anew.
    late = tree.document.query_selector(_TELLING)
    label = prescanned(late.html.encode()) if late else None
    again = decoded_as(body, label) if label else None
    return tree if again is None or again == text else HTMLTree.parse(again)


def decoded(body: bytes, charset: str | None) -> tuple[str, bool]:
    """The text of a page, and whether anything told its encoding.

    A byte order mark does before all else, then `charset`, which the HTTP header says, then what
    the beginning of the page itself says; else it is what the bytes look like. A byte that is
    none in its encoding becomes U+FFFD, and costs no other.
    """
    text = decoded_as(body, charset)
    if text is None:
        text = decoded_as(body, prescanned(body))
    return (_guessed(body), False) if text is None else (text, True)


def decoded_as(body: bytes, label: str | None) -> str | None:
    """The text in an encoding by one of the standard's names for it; None if it is none."""
    try:
        # Which a byte order mark overrules.
        return endec.decode(body, label or "", "replace", bom="evaluateall")
    except LookupError:
        return None


def prescanned(body: bytes) -> str | None:
    """The encoding that a page's own beginning tells, in a <meta> or as an XML document."""
    body = body[:_PRESCANNED_BYTES]
    if not _TOLD.search(body):
        return None
    name: str | None = html5prescan.get(body)[0].name
    declared = None if name else _XML_DECLARATION.match(body)
    return prescanned(b'<meta charset="%b">' % declared[1]) if declared else name


def _guessed(body: bytes) -> str:
    text = endec.decode(body, "utf-8", "replace", bom="evaluateall")
    others = len(text) - (len(body) - len(body.translate(None, _ASCII)))
    if text.count(_BAD) <= _BAD_SHARE * others:
        return text
    label = detect_encoding(body, html5_compatible=False) or "windows-1252"
    return decoded_as(body, label) or _by_python(body, label)


def _by_python(body: bytes, codec: str) -> str:
    try:
        return body.decode(codec, "replace")
    except LookupError:
        return endec.decode(body, "windows-1252", "replace")
