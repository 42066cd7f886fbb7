# ruff: noqa: RUF001 - look-alike characters are what is tested here
"""A request reaches what it names in every spelling that a crawl or a list may have landed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.spellings import spellings
from lake.takedowns import KINDS


@pytest.mark.parametrize(
    ("kind", "value", "others"),
    [
        ("url", "http://x.example/1.jpg", set()),
        ("url", "http:\\\\x.example\\1.jpg", {"http://x.example/1.jpg"}),
        ("url", "HTTP://X.Example:80#top", {"http://x.example/", "http://x.example:80/"}),
        ("url", "http://x.example/ 1.jpg?", {"http://x.example/%201.jpg?", "http://x.example/%201.jpg"}),
        ("url", "http://é.example/", {"http://xn--9ca.example/"}),
        ("page", "https://x.example", {"https://x.example/"}),
        ("page", "not a url", set()),
        ("domain", "Bücher.example.", {"bücher.example", "xn--bcher-kva.example"}),
        ("domain", "xn--bcher-kva.example", {"bücher.example"}),
        ("domain", "faß.example", {"xn--fa-hia.example"}),
        ("image_hash", "00112233445566778899aabbccddeeff", set()),
        ("caption", "R&D&regional ", {"R&D&regional", "R&D®ional"}),
        ("caption", "你好&amp;！", {"你好&！", "你好&!"}),
        ("caption", "\u200b", set()),
    ],
)  # fmt: skip
def test_a_request_is_spelled_as_it_is_and_as_it_may_have_landed(
    kind: str, value: str, others: set[str]
) -> None:
    assert spellings(kind, value) == {value, *others}


def test_a_page_is_asked_for_without_the_brackets_of_a_record() -> None:
    page = " <https://x.example/a> "
    assert spellings("page", page) == spellings("page", "https://x.example/a")


@given(st.sampled_from(KINDS), st.text(st.characters(codec=None)))
def test_whatever_is_asked_for_has_a_spelling_and_none_is_empty(kind: str, value: str) -> None:
    assert "" not in spellings(kind, value + "x")
