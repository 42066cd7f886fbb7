"""References are decoded as a parser of HTML decodes them in attributes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from resiliparse.parse.html import HTMLTree

from pairlake.ingest.crawl.references import decoded, decoded_if_whole


def _attribute(text: str) -> str | None:
    """What a browser's parser makes of an attribute that stands in the page as `text`."""
    image = HTMLTree.parse(f'<img alt="{text}">').document.query_selector("img")
    alt: str | None = image.getattr("alt")
    return alt


# What references are made of. Numbers of controls are left out: parsers keep what we drop.
PIECES = st.sampled_from(
    [*"&;#xXa=- Lé1", "&amp", "&copy", "&not", "in;", "regional", "&lt;", "&#38", "&#x26", "&#0;",
     "&#X2019;", "&#128;", "&#xd800;", "&#99999999;", "&#0000000038;", "&NotEqualTilde;", "&Amp;"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=8).map("".join))
def test_an_attribute_is_decoded_as_a_parser_decodes_it(text: str) -> None:
    assert decoded(text) == _attribute(text)


@pytest.mark.parametrize(
    ("text", "once", "if_whole"),
    [
        ("R&D&regional", "R&D&regional", "R&D&regional"),
        ("&copy 2019 &copy;", "© 2019 ©", "&copy 2019 ©"),
        ("?a=1&copy=2&amp;b", "?a=1&copy=2&b", "?a=1&copy=2&b"),
        ("&amp;amp; &amp;lt", "&amp; &lt", "&amp; &lt"),
        ("&#38&#x26;&#38;", "&&&", "&#38&&"),
        ("&#" + "1" * 5_000 + ";", "\ufffd", "\ufffd"),
    ],
)
def test_only_what_ends_is_decoded_where_all_was_decoded_before(
    text: str, once: str, if_whole: str
) -> None:
    assert (decoded(text), decoded_if_whole(text)) == (once, if_whole)
