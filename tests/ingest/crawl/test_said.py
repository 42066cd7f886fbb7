"""What a page says of itself: the standards' own examples, by a WAT and by a WARC alike."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairlake.ingest.crawl.html import parse_page
from pairlake.ingest.crawl.pages import Page, Said, UnreadableRecord
from pairlake.ingest.crawl.said import headers_of, language_of
from pairlake.ingest.crawl.wat import parse_record
from pairlake.ingest.images.optout import Wish
from tests.ingest.wats import image, page_json

URL = "https://provider.example/a/page.html"
HEARD_AT = datetime(2026, 11, 17, 8, 30)

Attributes = Mapping[str, str]
Headers = Sequence[tuple[str, str]]


def by_wat(
    metas: Sequence[Attributes], links: Sequence[Attributes], headers: Headers, agent: str
) -> Page:
    """The page as Common Crawl's extractor writes it down."""
    shown = image("1.jpg", "a kite")
    anchors = [{"path": "A@/href", **link} for link in links if "in_body" in link]
    head = {
        "Metas": list(metas),
        "Link": [{"path": "LINK@/href", **link} for link in links if "in_body" not in link],
    }
    record = json.loads(page_json([shown, *anchors], head))
    told: dict[str, Any] = {}
    for name, value in headers:
        told[name] = [*told[name], value] if name in told else [value]
    one_or_more = {name: each if len(each) > 1 else each[0] for name, each in told.items()}
    record["Envelope"]["Payload-Metadata"]["HTTP-Response-Metadata"]["Headers"] = one_or_more
    return parse_record(json.dumps(record, separators=(",", ":")).encode(), URL, agent)


def by_html(
    metas: Sequence[Attributes], links: Sequence[Attributes], headers: Headers, agent: str
) -> Page:
    """The page itself."""

    def written(tag: str, attributes: Attributes) -> str:
        said = {"url": "href"}
        pairs = (f'{said.get(name, name)}="{value}"' for name, value in attributes.items())
        return f"<{tag} {' '.join(pairs)}>"

    languages = {m["name"]: m["content"] for m in metas if m.get("name", "").startswith("HTML@/")}
    head = "".join(written("meta", m) for m in metas if m.get("name") not in languages)
    root = "".join(f' {name.removeprefix("HTML@/")}="{value}"' for name, value in languages.items())
    head += "".join(written("link", link) for link in links if "in_body" not in link)
    body = "".join(written("a", link) for link in links if "in_body" in link)
    text = f'<html{root}><head>{head}</head><body><img src="1.jpg" alt="a kite">{body}'
    return parse_page(text.encode(), URL, "utf-8", headers, agent, HEARD_AT)


@pytest.fixture(params=[by_wat, by_html])
def said(request: pytest.FixtureRequest) -> Callable[..., Said]:
    def read(
        *metas: Attributes,
        links: Sequence[Attributes] = (),
        headers: Headers = (),
        agent: str = "pairlake",
    ) -> Said:
        page = request.param(metas, links, headers, agent)
        assert page.said is not None
        assert page.said.heard_at == HEARD_AT
        found: Said = page.said
        return found

    return read


def terms(said: Said) -> list[tuple[str, str]]:
    return [(wish.property, wish.value) for wish in said.wishes]


def meta(name: str, content: str) -> Attributes:
    return {"name": name, "content": content}


def test_tdmrep_in_a_page(said: Callable[..., Said]) -> None:
    policy = "https://provider.example/policies/policy.json"
    found = said(meta("tdm-reservation", "1"), meta("tdm-policy", policy))
    evidence = f"tdm-reservation: 1; tdm-policy: {policy}"
    assert list(found.wishes) == [Wish("tdm-reservation", "1", evidence)]
    (silent,) = said(meta("TDM-Reservation", " 0 ")).wishes
    assert silent == Wish("tdm-reservation", "0", "tdm-reservation: 0; tdm-policy: none")
    assert terms(said(meta("tdm-reservation", "yes"))) == []


def test_tdmrep_in_an_answer(said: Callable[..., Said]) -> None:
    policy = "https://provider.example/policies/policy.json"
    found = said(headers=[("tdm-reservation", "1"), ("tdm-policy", policy)])
    evidence = f"TDM-Reservation: 1; TDM-Policy: {policy}"
    assert list(found.wishes) == [Wish("TDM-Reservation", "1", evidence)]


def test_aiprefs_content_usage(said: Callable[..., Said]) -> None:
    found = said(headers=[("Content-Usage", "train-ai=n"), ("Content-Usage", "search=y, x=?1")])
    evidence = "Content-Usage: train-ai=n, search=y, x=?1"
    assert list(found.wishes) == [
        Wish("Content-Usage", "train-ai=n", evidence),
        Wish("Content-Usage", "search=y", evidence),
    ]


def test_robots_of_a_page(said: Callable[..., Said]) -> None:
    content = "noai, NoImageAI, max-snippet:-1"
    found = said(meta("robots", content), meta("googlebot", "noindex"))
    evidence = f'<meta name="robots" content="{content}">'
    assert list(found.wishes) == [
        Wish("robots", value, evidence) for value in ("noai", "noimageai")
    ]
    assert terms(said(meta("ROBOTS", "noindex nofollow"))) == [
        ("robots", "noindex"),
        ("robots", "nofollow"),
    ]


def test_what_is_meant_for_us_alone(said: Callable[..., Said]) -> None:
    found = said(meta("PairLake", "none"), headers=[("X-Robots-Tag", "other: noindex, noai")])
    assert terms(found) == [("robots", "none")]
    assert said(meta("pairlake", "none"), agent="another").wishes == []


def test_x_robots_tag_by_agent(said: Callable[..., Said]) -> None:
    headers = [
        ("X-Robots-Tag", "googlebot: nofollow"),
        ("X-Robots-Tag", "pairlake: noindex, noai, otherbot: noimageindex"),
        ("x-robots-tag", "unavailable_after: 25 Jun 2027 15:00:00 PST"),
    ]
    found = said(headers=headers)
    assert terms(found) == [
        ("X-Robots-Tag", "noindex"),
        ("X-Robots-Tag", "noai"),
    ]
    assert found.wishes[0].evidence == f"X-Robots-Tag: {headers[1][1]}"


RSL = "application/rsl+xml"


def test_rsl_in_a_link(said: Callable[..., Said]) -> None:
    links = [
        {"url": "https://provider.example/license.xml", "rel": "license", "type": RSL},
        {"url": "https://creativecommons.org/licenses/by/4.0/", "rel": "license"},
    ]
    found = said(links=links)
    assert found.rsl_url == "https://provider.example/license.xml"
    assert found.license_url == "https://creativecommons.org/licenses/by/4.0/"


def test_rsl_in_an_answer(said: Callable[..., Said]) -> None:
    link = f'<style.css>; rel=preload, <../license.xml>; rel="license"; type="{RSL}"'
    found = said(headers=[("Link", link)])
    assert (found.rsl_url, found.license_url) == ("https://provider.example/license.xml", None)


@pytest.mark.parametrize("rel", ["license", "nofollow License noopener"])
def test_the_first_license_of_a_page_is_its_own(said: Callable[..., Said], rel: str) -> None:
    links = [
        {"url": "/terms?a=1&copy=2", "rel": "licenses"},
        {"url": "mailto:a@b.example", "rel": rel},
        {"url": "//me:pw@provider.example/", "rel": rel},
        {"url": "/by/", "rel": rel, "in_body": "1"},
        {"url": "/other/", "rel": rel, "in_body": "1"},
    ]
    assert said(links=links).license_url == "https://provider.example/by/"


def test_the_language_of_a_page(said: Callable[..., Said]) -> None:
    assert said(meta("HTML@/lang", " de-CH ")).language == "de-CH"
    assert said(meta("HTML@/xml:lang", "fr"), meta("HTML@/lang", "de")).language == "de"
    assert said(meta("HTML@/xml:lang", "fr")).language == "fr"
    assert said().language is None
    assert said(meta("HTML@/lang", "x" * 1_000_000)).language is None


def test_a_page_that_shows_nothing_says_nothing() -> None:
    assert parse_record(page_json([], {"Metas": [meta("robots", "noai")]}), URL).said is None
    assert parse_page(b'<meta name="robots" content="noai">', URL).said is None


def test_nothing_has_no_end(said: Callable[..., Said]) -> None:
    long = "x" * 1_000_000
    found = said(
        meta("robots", f"noai, {long}"),
        *(meta("robots", f"noai, {number}") for number in range(5_000)),
        meta("tdm-reservation", "1"),
        links=[{"url": f"/{long}", "rel": "license"}] * 50,
        headers=[("X-Robots-Tag", f"noindex, {long}"), ("Link", f"<{long}" * 20)]
        + [("X-Robots-Tag", "noai")] * 5_000,
    )
    assert len(found.wishes) < 500
    assert max(len(wish.evidence) for wish in found.wishes) == 300
    assert max(len(wish.value) for wish in found.wishes) <= 500
    assert {("robots", "noai"), ("X-Robots-Tag", "noindex")} <= set(terms(found))
    assert found.license_url is None


def test_odd_values_cost_nothing_else() -> None:
    found = headers_of([("X-Robots-Tag", ["noai", 3, None]), ("LINK", {}), ("Server", "x")])
    assert found == {"x-robots-tag": ["noai"], "link": []}
    assert language_of(None, 3, ["de"], "", "de") == "de"
    head = {"Metas": [1, {}, {"name": 1}, {"name": "robots"}, meta("robots", "noai")], "Link": 3}
    page = parse_record(page_json([image("1.jpg", "a kite")], head), URL)
    assert page.said is not None
    assert terms(page.said) == [("robots", "noai")]


def test_a_broken_header_costs_no_other_record() -> None:
    record = json.loads(page_json([image("1.jpg", "a kite")]))
    answer = record["Envelope"]["Payload-Metadata"]["HTTP-Response-Metadata"]
    answer["Headers"] = {"Content-Usage": 'x"}'}
    body = json.dumps(record).encode()
    gc.disable()
    try:
        pages = [parse_record(body, URL) for _ in range(3)]
    finally:
        gc.enable()
    assert [page.images for page in pages] == [1, 1, 1]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=9,
)
NAMES = st.sampled_from(["robots", "tdm-reservation", "og:image", "og:image:alt", "HTML@/lang"])


@given(
    metas=st.lists(
        ANYTHING | st.fixed_dictionaries({"name": NAMES, "content": ANYTHING | st.text()})
    ),
    headers=ANYTHING | st.dictionaries(st.sampled_from(["Link", "X-Robots-Tag"]), ANYTHING),
    links=st.lists(ANYTHING | st.fixed_dictionaries({"url": st.text(), "rel": ANYTHING})),
)
def test_any_wat_says_something_or_nothing(metas: Any, headers: Any, links: Any) -> None:
    head = {"Metas": metas, "Link": links}
    record = json.loads(page_json([image("1.jpg", "a kite", title="its title")], head))
    record["Envelope"]["Payload-Metadata"]["HTTP-Response-Metadata"]["Headers"] = headers
    body = json.dumps(record, separators=(",", ":")).encode(errors="replace")
    page = parse_record(body, URL)
    assert page.said is not None
    for wish in page.said.wishes:
        wish.evidence.encode()


@given(st.text(alphabet="<>=\"/ abilrstxmeno'&;,:\x00\ud800"), st.text())
def test_any_page_says_something_or_nothing(text: str, header: str) -> None:
    page = f'<html lang="{text}"><meta name=robots content="{text}"><img src=1 alt=x>{text}'
    try:
        said = parse_page(
            page.encode(errors="surrogatepass"),
            URL,
            headers=[("Link", header), ("X-Robots-Tag", header), ("Content-Usage", header)],
        ).said
    except UnreadableRecord:
        return
    for wish in said.wishes if said else ():
        "".join(wish).encode()
