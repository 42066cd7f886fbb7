"""X-Robots-Tag as servers write it, the cases that img2dataset reads wrongly among them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.optout import product_token, refusing_header


@pytest.mark.parametrize(
    "header",
    [
        "noai",
        "noimageai",
        "noindex",
        "noimageindex",
        "none",
        "NoAI",
        " noai ,",
        "all, noai",
        "noindex, max-image-preview:large",
        "max-image-preview:large, noindex",
        "max-snippet: 50, max-video-preview: -1, noai",
        "unavailable_after: 25 Jun 2030 15:00:00 PST, noai",
        "unavailable_after: Wed, 25 Jun 2030 15:00:00 GMT, noai",
        "pairlake: noai",
        "PairLake: noindex, nofollow",
        "pairlake: nofollow, noindex",
        "*: noai",
        "otherbot: all, pairlake: noai",
    ],
)
def test_a_header_refuses(header: str) -> None:
    assert refusing_header([header], "pairlake") == header


@pytest.mark.parametrize(
    "header",
    [
        "",
        "all",
        "index, follow",
        "nofollow, noarchive, nosnippet",
        "max-image-preview: none",
        "otherbot: noai",
        "img2dataset: noai, noindex",
        "pairlake: all, otherbot: noai",
        "noaimages",
        "unavailable_after: noai",
    ],
)
def test_a_header_does_not_refuse(header: str) -> None:
    assert refusing_header([header], "pairlake") is None


def test_the_first_refusing_header_is_the_evidence() -> None:
    headers = ["otherbot: noai", "noindex", "noai"]
    assert refusing_header(headers, "pairlake") == "noindex"
    assert refusing_header([], "pairlake") is None


def test_the_token_of_the_user_agent_has_any_case() -> None:
    agent = product_token("PairLake/0.1 (image-text dataset builder)")
    assert agent == "PairLake"
    assert refusing_header(["pairlake: noai"], agent) == "pairlake: noai"


@given(st.lists(st.text()), st.text())
def test_no_header_is_too_strange(headers: list[str], agent: str) -> None:
    assert refusing_header(headers, agent) in (*headers, None)
