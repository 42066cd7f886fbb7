"""X-Robots-Tag as servers write it, the cases that img2dataset reads wrongly among them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from pairlake.ingest.images.optout import (
    directives_in,
    product_token,
    refusal_in,
    refusing_header,
)


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


def test_directives_are_those_that_are_meant_for_us() -> None:
    values = ["googlebot: nofollow", "pairlake: NoIndex, noai, x: none, *: noai, noml", "", "a,,b "]
    assert directives_in(values, "Pairlake") == ["noindex", "noai", "noml", "a", "b"]
    valued = ["max-snippet: 20, unavailable_after: 25 Jun 2027 15:00:00 PST"]
    assert directives_in(valued, "pairlake") == [
        "max-snippet: 20",
        "unavailable_after: 25 jun 2027 15:00:00 pst",
    ]
    assert len(directives_in([",".join(map(str, range(9_999)))], "pairlake")) == 16


def test_the_token_of_the_user_agent_has_any_case() -> None:
    agent = product_token("PairLake/0.1 (image-text dataset builder)")
    assert agent == "PairLake"
    assert refusing_header(["pairlake: noai"], agent) == "pairlake: noai"


@given(st.lists(st.text()), st.text())
def test_no_header_is_too_strange(headers: list[str], agent: str) -> None:
    assert refusing_header(headers, agent) in (*headers, None)


@pytest.mark.parametrize(
    ("headers", "outcome"),
    [
        ({"X-Robots-Tag": "noml"}, "opted_out_x_robots_tag"),
        ({"TDM-Reservation": "1"}, "opted_out_tdmrep"),
        ({"tdm-reservation": " 1 ", "tdm-policy": "https://a.example/p"}, "opted_out_tdmrep"),
        ({"TDM-Reservation": "0"}, None),
        ({"TDM-Reservation": "true"}, None),
        ({"Content-Usage": "train-ai=n"}, "opted_out_content_usage"),
        ({"Content-Usage": "search=y, train-ai=n;note=1"}, "opted_out_content_usage"),
        ({"Content-Usage": "bots=n"}, "opted_out_content_usage"),
        ({"Content-Usage": "train-ai=y"}, None),
        ({"Content-Usage": "search=n"}, None),
        ({"Content-Usage": "train-ai"}, None),
        ({"Content-Usage": "no, thank you!"}, None),
        ({"Content-Type": "image/jpeg"}, None),
    ],
)
def test_wishes_in_a_response(headers: dict[str, str], outcome: str | None) -> None:
    refusal = refusal_in(CIMultiDictProxy(CIMultiDict(headers)), "pairlake")
    assert (refusal.outcome if refusal else None) == outcome
    if refusal:
        assert next(iter(headers.values())).strip() in refusal.evidence


def test_preferences_of_several_header_lines_are_one() -> None:
    headers = CIMultiDict([("Content-Usage", "search=y"), ("Content-Usage", "train-ai=n")])
    refusal = refusal_in(CIMultiDictProxy(headers), "pairlake")
    assert refusal == ("opted_out_content_usage", "Content-Usage: search=y, train-ai=n")
