"""What headers wish, as servers write it, the cases that img2dataset reads wrongly among them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from pairlake.ingest.images.optout import (
    Wish,
    directives_in,
    product_token,
    rsl_in,
    terms_in,
    wishes_in,
)


def said(headers: dict[str, str] | list[tuple[str, str]]) -> list[str]:
    found = wishes_in(CIMultiDictProxy(CIMultiDict(headers)), "pairlake")
    return [f"{wish.property}: {wish.value}" for wish in found]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("", []),
        ("noai", ["noai"]),
        (" NoAI ,", ["noai"]),
        ("all, noai", ["all", "noai"]),
        ("noimageai, noai, noimageai", ["noimageai", "noai"]),
        ("noindex, max-image-preview:large", ["noindex"]),
        ("max-image-preview:large, noindex", ["noindex"]),
        ("max-snippet: 50, max-video-preview: -1, noml", ["noml"]),
        ("unavailable_after: 25 Jun 2030 15:00:00 PST, noai", ["noai"]),
        ("unavailable_after: Wed, 25 Jun 2030 15:00:00 GMT, noai", ["noai"]),
        ("pairlake: noai", ["noai"]),
        ("PairLake: noindex, nofollow", ["noindex", "nofollow"]),
        ("pairlake/0.1: none", ["none"]),
        ("*: noai", ["noai"]),
        ("otherbot: all, pairlake: noai", ["noai"]),
        ("noindex, otherbot: noai", ["noindex"]),
        ("pairlake: all, otherbot: noai", ["all"]),
        ("otherbot: noai", []),
        ("img2dataset: noai, noindex", []),
        ("max-image-preview: none", []),
        ("unavailable_after: noai", []),
        ("noaimages", ["noaimages"]),
        ("no ai; <b>", []),
    ],
)
def test_the_directives_that_mean_us_are_found(value: str, found: list[str]) -> None:
    assert directives_in([value], "pairlake") == found


@pytest.mark.parametrize(
    ("values", "found"),
    [
        # The examples of Google's documentation of X-Robots-Tag.
        (["noindex"], ["noindex"]),
        (["noimageindex", "unavailable_after: 25 Jun 2010 15:00:00 PST"], ["noimageindex"]),
        (["googlebot: nofollow", "otherbot: noindex, nofollow"], []),
        (["noarchive", "unavailable_after: 25-Aug-2007 15:00:00 EST"], ["noarchive"]),
        # A name holds to the end of its own line.
        (["otherbot: noai", "noindex", "noai"], ["noindex", "noai"]),
    ],
)
def test_of_several_lines_each_has_its_names(values: list[str], found: list[str]) -> None:
    assert directives_in(values, "pairlake") == found


def test_the_token_of_the_user_agent_has_any_case() -> None:
    agent = product_token("PairLake/0.1 (image-text dataset builder)")
    assert agent == "PairLake"
    assert directives_in(["pairlake: noai"], agent) == ["noai"]


@pytest.mark.parametrize(
    ("preferences", "found"),
    [
        ("train-ai=n", ["train-ai=n"]),
        ("search=y, train-ai=n;note=1", ["search=y", "train-ai=n"]),
        # What a later draft may say lands, for whoever gives it a meaning.
        ("search=yes,ai-train=no,use=reference", ["search=yes", "ai-train=no", "use=reference"]),
        ("train-ai=n, train-ai=y", ["train-ai=y"]),
        # Neither a string nor a number is a token, nor is nothing.
        ('train-ai="n", search=1, a', []),
        ("train-ai=?0, search=(n)", []),
        ("Train-AI=n", []),
        ("no, thank you!", []),
        ("", []),
    ],
)
def test_the_terms_of_preferences_are_labels_and_tokens(preferences: str, found: list[str]) -> None:
    assert terms_in(preferences) == found


@pytest.mark.parametrize(
    ("link", "found"),
    [
        (
            '<https://a.example/license.xml>; rel="license"; type="application/rsl+xml"',
            ["https://a.example/license.xml"],
        ),
        ("</l.xml>;type=application/rsl+xml;rel=license", ["/l.xml"]),
        ('<l>; REL="up License"; type="Application/RSL+XML"', ["l"]),
        (
            '<a>; rel=next, <b>; rel="license"; type="application/rsl+xml", <c>; rel=license',
            ["b"],
        ),
        ('<a>; rel="license"', []),
        ('<a>; rel="licenses"; type="application/rsl+xml"', []),
        ('<a>; rel="next"; title="license"; type="application/rsl+xml"', []),
        ("a; rel=license; type=application/rsl+xml", []),
    ],
)
def test_links_to_licences_in_rsl_are_found(link: str, found: list[str]) -> None:
    assert rsl_in([link]) == found


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({"X-Robots-Tag": "noml"}, ["X-Robots-Tag: noml"]),
        ({"TDM-Reservation": "1"}, ["TDM-Reservation: 1"]),
        ({"tdm-reservation": " 0 "}, ["TDM-Reservation: 0"]),
        ({"TDM-Reservation": "true"}, []),
        ({"Content-Usage": "train-ai=n"}, ["Content-Usage: train-ai=n"]),
        ({"Content-Signal": "ai-input=no"}, ["Content-Signal: ai-input=no"]),
        ({"Link": "<l>; rel=license; type=application/rsl+xml"}, ["RSL: l"]),
        ({"Content-Type": "image/jpeg"}, []),
    ],
)
def test_each_header_that_wishes_something_is_heard(
    headers: dict[str, str], found: list[str]
) -> None:
    assert said(headers) == found


def test_no_login_of_a_licences_url_is_kept() -> None:
    link = "<https://me:secret@a.example/l.xml>; rel=license; type=application/rsl+xml"
    [wish] = wishes_in(CIMultiDictProxy(CIMultiDict({"Link": link})), "pairlake")
    assert "secret" not in f"{wish}"
    assert "a.example/l.xml" in wish.value


def test_preferences_of_several_header_lines_are_one() -> None:
    headers = CIMultiDict([("Content-Usage", "search=y"), ("Content-Usage", "train-ai=n")])
    evidence = "Content-Usage: search=y, train-ai=n"
    assert wishes_in(CIMultiDictProxy(headers), "pairlake") == [
        Wish("Content-Usage", "search=y", evidence),
        Wish("Content-Usage", "train-ai=n", evidence),
    ]


def test_the_evidence_is_the_line_with_the_directive_and_the_policy() -> None:
    headers = CIMultiDict(
        [
            ("X-Robots-Tag", "otherbot: noai"),
            ("X-Robots-Tag", "pairlake: NoAI"),
            ("tdm-reservation", "1"),
            ("tdm-policy", "https://provider.example/policies/policy.json"),
        ]
    )
    assert [wish.evidence for wish in wishes_in(CIMultiDictProxy(headers), "pairlake")] == [
        "X-Robots-Tag: pairlake: NoAI",
        "TDM-Reservation: 1; TDM-Policy: https://provider.example/policies/policy.json",
    ]


@given(
    st.dictionaries(
        st.sampled_from(["X-Robots-Tag", "TDM-Reservation", "Content-Usage", "Link", "TDM-Policy"]),
        st.text(),
    ),
    st.text(),
)
def test_no_header_is_too_strange(headers: dict[str, str], agent: str) -> None:
    for wish in wishes_in(CIMultiDictProxy(CIMultiDict(headers)), agent):
        assert len(wish.value) <= 500
        assert len(wish.evidence) <= 300


def test_endless_headers_take_a_moment_and_bring_little() -> None:
    started = time.process_time()
    for piece in ("<", "<a>; rel", "; rel=license ", " ", "a, ", "a=b, ", "x: y, ", '"', "<a>, "):
        endless = (piece * 256_000)[:256_000]
        names = ("X-Robots-Tag", "TDM-Policy", "Content-Usage", "Link")
        found = wishes_in(CIMultiDictProxy(CIMultiDict(dict.fromkeys(names, endless))), "a")
        assert len(found) <= 128
    # Where the time grows with the square of the length it is minutes.
    assert time.process_time() - started < 60
