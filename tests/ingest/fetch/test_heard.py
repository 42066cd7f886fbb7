"""What sites say of the use of an image lands beside its download."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
from aiohttp import web

from pairlake.ingest.fetch.wishes import site_rules
from tests.ingest.conftest import Web
from tests.ingest.drawn import JPEG
from tests.ingest.fetching import fetch_all, rows

SITE = "https://site.example"


@pytest.mark.parametrize(
    ("robots", "path", "heard"),
    [
        ("User-agent: *\nDisallow:", "/x.jpg", []),
        ("User-agent: *\nContent-Usage: search=n", "/x.jpg", ["search=n"]),
        ("User-agent: other\nContent-Usage: search=n", "/x.jpg", []),
        ("User-agent: *\nContent-Usage: train-ai=y, search=n", "/", ["train-ai=y", "search=n"]),
        # What nobody knows is kept, as far as it may be a term.
        ("User-agent: *\nContent-Usage: search=maybe, a=1, b", "/x.jpg", ["search=maybe"]),
        ("User-agent: *\nContent-Usage: not, a = dictionary =", "/x.jpg", []),
        (
            "User-agent: *\nContent-Signal: search=yes, ai-input=no",
            "/",
            ["search=yes", "ai-input=no"],
        ),
        # The longest path that matches counts, and of equal ones each.
        (
            "User-agent: *\nContent-Usage: search=n\nContent-Usage: /art/ search=y",
            "/art/x.jpg",
            ["search=y"],
        ),
        (
            "User-agent: *\nContent-Usage: search=n\nContent-Usage: /art/ search=y",
            "/x.jpg",
            ["search=n"],
        ),
        (
            "User-agent: *\nContent-Usage: /a/ search=n\nContent-Usage: /a/ search=y",
            "/a/x.jpg",
            ["search=n", "search=y"],
        ),
        # Each of the two by its own paths.
        (
            "User-agent: *\nContent-Usage: search=n\nContent-Signal: /a/ search=yes",
            "/a/x.jpg",
            ["search=yes", "search=n"],
        ),
        # Equal are paths that are so once they are escaped.
        (
            "User-agent: *\nContent-Usage: /é/ search=n\nContent-Usage: /%C3%A9/ search=y",
            "/%C3%A9/x.jpg",
            ["search=n", "search=y"],
        ),
        (
            "User-agent: *\nContent-Usage: /é search=n\nContent-Usage: /*x search=y",
            "/éx.jpg",
            ["search=n"],
        ),
    ],
)
def test_the_terms_that_hold_for_a_path_are_heard(robots: str, path: str, heard: list[str]) -> None:
    wishes = site_rules("pairlake", robots).said_of(SITE + path)
    assert [wish.value for wish in wishes] == heard
    assert all(wish.evidence.startswith(f"robots.txt: {wish.property}: ") for wish in wishes)


# draft-ietf-aipref-attach, the example of a robots.txt.
AIPREF = """
User-Agent: *
Allow: /
Disallow: /never/
Content-Usage: / train-ai=n
Content-Usage: /ai-ok/ train-ai=y

User-Agent: ExampleBot
Allow: /
Content-Usage: / train-ai=y
"""
# What Cloudflare manages for its customers unless they change it.
CLOUDFLARE = """
# BEGIN Cloudflare Managed content

User-Agent: *
Content-signal: search=yes,ai-train=no
Allow: /

User-agent: Amazonbot
Disallow: /

User-agent: GPTBot
Disallow: /

# END Cloudflare Managed Content

User-agent: *
Disallow: /lp
"""
# W3C TDMRep, final report of 2024-05-10, the examples of a tdmrep.json.
TDMREP_ALL = [{"location": "/", "tdm-reservation": 1}]
TDMREP = [
    {"location": "/directory-a/", "tdm-reservation": 1},
    {
        "location": "/directory-b/html/",
        "tdm-reservation": 1,
        "tdm-policy": "https://provider.com/policies/policy.json",
    },
    {"location": "/directory-b/images/*.jpg", "tdm-reservation": 0},
]
SIGNALS = ["search=yes", "ai-train=no"]


@pytest.mark.parametrize(
    ("robots", "agent", "path", "heard"),
    [
        (AIPREF, "pairlake", "/test", ["train-ai=n"]),
        (AIPREF, "pairlake", "/never/test", ["Disallow"]),
        (AIPREF, "pairlake", "/ai-ok/test", ["train-ai=y"]),
        (AIPREF, "ExampleBot", "/never/test", ["train-ai=y"]),
        ("User-Agent: *\nAllow: /\nContent-Usage: / train-ai=n", "pairlake", "/", ["train-ai=n"]),
        (CLOUDFLARE, "pairlake", "/x.jpg", SIGNALS),
        (CLOUDFLARE, "pairlake", "/lp/x.jpg", ["Disallow"]),
        (CLOUDFLARE, "gptbot", "/x.jpg", ["Disallow"]),
        (CLOUDFLARE.replace("no\n", "no,use=reference\n"), "a", "/", [*SIGNALS, "use=reference"]),
    ],
)
def test_a_standards_own_robots_txt(robots: str, agent: str, path: str, heard: list[str]) -> None:
    assert [wish.value for wish in site_rules(agent, robots).said_of(SITE + path)] == heard


@pytest.mark.parametrize(
    ("tdmrep", "path", "heard"),
    [
        (TDMREP_ALL, "/any/x.jpg", ["1"]),
        (TDMREP, "/directory-a/x.pdf", ["1"]),
        (TDMREP, "/directory-b/html/x.html", ["1"]),
        (TDMREP, "/directory-b/images/x.jpg", ["0"]),
        (TDMREP, "/directory-b/images/x.png", []),
        (TDMREP, "/x.jpg", []),
    ],
)
def test_a_standards_own_tdmrep_json(tdmrep: object, path: str, heard: list[str]) -> None:
    rules = site_rules("pairlake", "").with_reservations(json.dumps(tdmrep).encode())
    assert [wish.value for wish in rules.said_of(SITE + path)] == heard


def test_licences_in_rsl_hold_for_all_wherever_their_lines_stand() -> None:
    urls = [f"https://a.example/{name}.xml" for name in ("one", "two", "three")]
    robots = (
        f"License: {urls[0]}\nUser-agent: otherbot\nLICENSE : {urls[1]} # ours\n"
        f"User-agent: *\r License:{urls[2]}\r\nDisallow: /no\n"
        f"License: {urls[0]}\nLicense: /relative.xml\nLicense agreement: {urls[0]}\n"
    )
    rules = site_rules("pairlake", robots)
    # They neither end a group nor begin one.
    for path, others in (("/x.jpg", []), ("/no/x.jpg", ["Disallow"])):
        assert [wish.value for wish in rules.said_of(SITE + path)] == [*urls, *others]
    wish = rules.said_of(SITE)[0]
    assert wish == ("RSL", urls[0], f"robots.txt: License: {urls[0]}")
    endless = site_rules("a", "License: https://a.example/" + "x" * 9_000).said_of(SITE)
    assert [len(wish.value) for wish in endless] == [500]
    many = "".join(f"License: https://a.example/{n}\n" for n in range(10_000))
    assert len(site_rules("a", many).said_of(SITE)) == 16


def test_of_endless_terms_few_are_heard() -> None:
    endless = ", ".join(f"use{n}=n" for n in range(1_000))
    wishes = site_rules("pairlake", f"User-agent: *\nContent-Usage: {endless}").said_of(SITE)
    assert 0 < len(wishes) <= 32
    assert all(len(wish.evidence) <= 300 for wish in wishes)


QUERY = """
    select final_url, outcome, property, value, evidence, heard_at
    from lake.raw.wishes inner join lake.raw.downloads using (url_id)
    order by final_url, property, value
"""


def test_what_is_heard_lands_with_each_attempt(site: Web) -> None:
    site.serve("/robots.txt", b"User-agent: *\nContent-Signal: search=yes, ai-input=no\n")
    one = site.serve("/one", JPEG, Content_Usage="search=n")
    two = site.serve("/two", JPEG, Content_Usage="search=n, train-ai=n")
    assert fetch_all(one, two).images == 1
    found = rows(QUERY)
    robots = "robots.txt: Content-Signal: search=yes, ai-input=no"
    out, refused = "opted_out_content_usage", "Content-Usage: search=n, train-ai=n"
    assert [row[:5] for row in found] == [
        (one, "ok", "Content-Signal", "ai-input=no", robots),
        (one, "ok", "Content-Signal", "search=yes", robots),
        (one, "ok", "Content-Usage", "search=n", "Content-Usage: search=n"),
        (two, out, "Content-Signal", "ai-input=no", robots),
        (two, out, "Content-Signal", "search=yes", robots),
        (two, out, "Content-Usage", "search=n", refused),
        (two, out, "Content-Usage", "train-ai=n", refused),
    ]
    assert all(isinstance(heard_at, datetime) for *_, heard_at in found)


def test_each_hop_has_its_say(site: Web) -> None:
    """Its headers, and the rules of the site that it leads to."""
    other = site.url.replace("127.0.0.1", "localhost")

    async def robots(request: web.Request) -> web.StreamResponse:
        is_other = request.host.startswith("localhost")
        return web.Response(text="License: https://a.example/l.xml" if is_other else "")

    site.routes["/robots.txt"] = robots
    site.serve("/b", JPEG, TDM_Reservation="0", Link="</r>; rel=license; type=application/rsl+xml")
    begun = site.serve("/a", b"", 302, Location=f"{other}/b", X_Robots_Tag="noimageai")
    assert fetch_all(begun).images == 1
    assert [row[2:5] for row in rows(QUERY)] == [
        ("RSL", "/r", "Link: /r"),
        ("RSL", "https://a.example/l.xml", "robots.txt: License: https://a.example/l.xml"),
        ("TDM-Reservation", "0", "TDM-Reservation: 0; TDM-Policy: none"),
        ("X-Robots-Tag", "noimageai", "X-Robots-Tag: noimageai"),
    ]
    # What is at the licence is not asked for.
    assert site.asked == ["/a", "/b"]


def test_an_attempt_that_does_not_come_to_the_answer_takes_back_no_wish(site: Web) -> None:
    """Else half of what is said would stand for all of it."""
    site.serve("/robots.txt", b"User-agent: *\nContent-Signal: ai-input=no\n")
    ok = site.serve("/ok", JPEG)
    failing = [
        site.serve("/gone", b"", 404, X_Robots_Tag="noai"),
        site.serve("/error", b"", 500, X_Robots_Tag="noai"),
        site.serve("/lost", b"", 302, Location="/gone", X_Robots_Tag="noai"),
        site.serve("/loop", b"", 302, Location="/loop", X_Robots_Tag="noai"),
    ]
    broken = site.serve("/broken", b"no picture", X_Robots_Tag="noai")
    fetch_all(ok, *failing, broken)
    found = {(url, value) for url, _, _, value, *_ in rows(QUERY)}
    assert found == {(ok, "ai-input=no"), (broken, "ai-input=no"), (broken, "noai")}


def test_of_one_download_no_more_land_than_anybody_means(site: Web) -> None:
    same = "".join(f"Content-Usage: / a{n}=n\n" for n in range(1_000))
    site.serve("/robots.txt", f"User-agent: *\n{same}".encode())
    assert fetch_all(site.serve("/x.jpg", JPEG)).images == 1
    assert rows("select count(*) from lake.raw.wishes") == [(256,)]
