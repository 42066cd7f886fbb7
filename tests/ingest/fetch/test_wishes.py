"""What a site says of its paths: robots.txt, wishes about use, and tdmrep.json."""

from __future__ import annotations

import json
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairlake.ingest.fetch.wishes import (
    SiteRules,
    TooManyRules,
    read_robots,
    site_rules,
)
from pairlake.ingest.robots import MAX_ROBOTS_BYTES, licenses_in, text_of

SITE = "https://a.example"


def terms(rules: SiteRules, path: str) -> list[str]:
    """What the rules wish of a path, as `property: value`."""
    return [f"{wish.property}: {wish.value}" for wish in rules.said_of(SITE + path)]


def said(path: str, robots: str = "", tdmrep: object = None) -> list[str]:
    body = b"" if tdmrep is None else json.dumps(tdmrep).encode()
    return terms(site_rules("pairlake", robots).with_reservations(body), path)


DISALLOWED, USAGE = ["robots.txt: Disallow"], ["Content-Usage: train-ai=n"]
RESERVED, FREE = ["tdmrep.json: 1"], ["tdmrep.json: 0"]


@pytest.mark.parametrize(
    ("robots", "path", "expected"),
    [
        ("", "/x.jpg", []),
        ("User-agent: *\nDisallow:", "/x.jpg", []),
        ("User-agent: *\nDisallow: /", "/x.jpg", DISALLOWED),
        ("User-agent: *\nDisallow: /private/", "/private/x.jpg", DISALLOWED),
        ("User-agent: *\nDisallow: /private/", "/public/x.jpg", []),
        ("User-agent: *\nDisallow: /*.jpg$", "/x.jpg", DISALLOWED),
        ("User-agent: *\nDisallow: /*.jpg$", "/x.jpg?size=2", []),
        ("User-agent: *\nDisallow: /a\nAllow: /a/b", "/a/b/x.jpg", []),
        ("User-agent: *\nDisallow: /a\nAllow: /a/b", "/%61/%62/x.jpg", []),
        ("User-agent: *\nDisallow: /a/\nAllow: /a/index.html", "/a/", []),
        ("User-agent: *\nDisallow: /x?b=%2F", "/x?b=%2f", DISALLOWED),
        # The group of our own name counts alone, in whatever case.
        ("User-agent: *\nDisallow: /\n\nUser-agent: PairLake\nDisallow: /no", "/x.jpg", []),
        ("User-agent: pairlake\nDisallow: /", "/x.jpg", DISALLOWED),
        ("User-agent: otherbot\nDisallow: /", "/x.jpg", []),
        ("User-agent: otherbot\nUser-agent: pairlake\nDisallow: /", "/x.jpg", DISALLOWED),
        ("<!doctype html><title>Not here</title>", "/x.jpg", []),
        ("User-agent: pairlake/0.1\nDisallow: /", "/x.jpg", DISALLOWED),
        ("User-agent: *\nDisallow: /\n\nUser-agent: pair\nAllow: /", "/x.jpg", DISALLOWED),
        ("User-agent: *\nAllow: /a\n\nUser-agent: *\nDisallow: /", "/x.jpg", DISALLOWED),
        ("User-agent: *\nSitemap: /map\nUser-agent: other\nDisallow: /", "/x.jpg", DISALLOWED),
        (
            "User-agent: *\nContent-Usage: /img/x.jpg$ train-ai=n\n"
            "Content-Usage: /img/x.jpg$ train-ai=y",
            "/img/x.jpg",
            [*USAGE, "Content-Usage: train-ai=y"],
        ),
        # Spellings that are plain, as Google's parser has them and some like them.
        ("User-agent: *\nDissallow: /no", "/no/x.jpg", DISALLOWED),
        ("User-agent: *\ndisalow : /no", "/no/x.jpg", DISALLOWED),
        ("USER AGENT: *\nDis-allow: /no", "/no/x.jpg", DISALLOWED),
        ("Useragent *\nDisallow /no", "/no/x.jpg", DISALLOWED),
        ("User agent *\nDiasllow\t/no:x", "/no:x.jpg", DISALLOWED),
        ("User-agent: *\nDisallow\uff1a /no", "/no/x.jpg", DISALLOWED),
        ("User-agent: *\nDissallow: /no\nAlow: /no/yes", "/no/yes/x.jpg", []),
        ("User-agent: pairlake*\nDisallow: /", "/x.jpg", DISALLOWED),
        ("User-agent: otherbot, PairLake\nDisallow: /", "/x.jpg", DISALLOWED),
        ("User-agent: pairlake (images)\nDisallow: /", "/x.jpg", DISALLOWED),
        ("User-agent: pairlake2\nDisallow: /", "/x.jpg", []),
        ("User-agent: *bot\nDisallow: /", "/x.jpg", []),
        ("User-agent: *\nDisallow everything of ours", "/x.jpg", []),
        ("User-agent: *\nNot-allowed: /", "/x.jpg", []),
        ("Users agent wrote: *\nDisallow: /", "/x.jpg", []),
        ("User-agent: *\nContent usage: train-ai=n", "/x.jpg", USAGE),
        # In groups, and of the group of our own name alone.
        ("User-agent: *\nContent-Usage: train-ai=n", "/x.jpg", USAGE),
        (
            "User-agent: *\nContent-Usage: train-ai=n\n\n"
            "User-agent: pairlake\nAllow: /\nContent-Usage: train-ai=y",
            "/x.jpg",
            ["Content-Usage: train-ai=y"],
        ),
        (
            "User-agent: otherbot\nAllow: /\n\nUser-agent: *\nContent-Usage: train-ai=n",
            "/x.jpg",
            USAGE,
        ),
        (
            "User-agent: otherbot\nContent-Usage: train-ai=n\nUser-agent: *\nAllow: /",
            "/x.jpg",
            [],
        ),
    ],
)
def test_robots_txt(robots: str, path: str, expected: list[str]) -> None:
    assert said(path, robots) == expected


@pytest.mark.parametrize(
    ("tdmrep", "path", "expected"),
    [
        ([{"location": "/", "tdm-reservation": 1}], "/x.jpg", RESERVED),
        ([{"location": "/", "tdm-reservation": 0}], "/x.jpg", FREE),
        ([{"location": "/", "tdm-reservation": "1"}], "/x.jpg", RESERVED),
        ([{"location": "/art/*.jpg$", "tdm-reservation": 1}], "/art/x.jpg", RESERVED),
        ([{"location": "/art/*.jpg$", "tdm-reservation": 1}], "/art/x.png", []),
        (
            [
                {"location": "/press/", "tdm-reservation": 0},
                {"location": "/", "tdm-reservation": 1, "tdm-policy": "https://a.example/tdm"},
            ],
            "/press/x.jpg",
            FREE,
        ),
        ({"location": "/", "tdm-reservation": 1}, "/x.jpg", RESERVED),
        ([{"location": 5, "tdm-reservation": 1}, "no rule", None], "/x.jpg", []),
        ({"no": "rules"}, "/x.jpg", []),
        # The first that matches counts; what says neither 0 nor 1 is no rule.
        (
            [
                {"location": "/img/", "tdm-reservation": 1},
                {"location": "/img/", "tdm-reservation": 0},
            ],
            "/img/x.jpg",
            RESERVED,
        ),
        ([{"location": "/img/"}, {"location": "/", "tdm-reservation": 1}], "/img/x.jpg", RESERVED),
        ([], "/x.jpg", []),
        # However the path is escaped, and with its query.
        ([{"location": "/é/x?a=", "tdm-reservation": 1}], "/%C3%A9/x?a=1", RESERVED),
        ([{"location": "/art", "tdm-reservation": 1}], "/%61rt/x.jpg", RESERVED),
        (
            [{"location": "/x", "tdm-reservation": 0}, {"location": "/x", "tdm-reservation": 1}],
            "/x",
            FREE,
        ),
    ],
)
def test_tdmrep_json(tdmrep: object, path: str, expected: list[str]) -> None:
    assert said(path, tdmrep=tdmrep) == expected


def test_a_page_in_place_of_tdmrep_json_says_nothing() -> None:
    for body in (b"<!doctype html>", b"\xff\xfe", b"[" * 100_000, b"1"):
        assert site_rules("pairlake", "").with_reservations(body).said_of(f"{SITE}/x.jpg") == []


def test_the_evidence_is_the_rule_that_refuses() -> None:
    robots = "# no\nUser-agent: *  # all\nDisallow: /y\nDisallow: /x # me\n" + "Allow: /\n" * 1_000
    [wish] = site_rules("pairlake", robots).said_of(f"{SITE}/x.jpg")
    assert wish.evidence == "robots.txt: Disallow: /x"
    reserved = json.dumps([{"location": "/x", "tdm-reservation": 1}]).encode()
    [wish] = site_rules("pairlake", "").with_reservations(reserved).said_of(f"{SITE}/x.jpg")
    assert wish.evidence == '/.well-known/tdmrep.json: "location": "/x", "tdm-reservation": 1'


def test_rules_without_end_take_a_moment() -> None:
    names, rules = "User-agent: bot{}\n" * 12_000, "Disallow: /{}\n" * 20_000
    started = time.process_time()
    found = site_rules("pairlake", f"{names}User-agent: *\n{rules}")
    assert len(found.robots.texts) == 20_000
    assert found.said_of(f"{SITE}/x") == []
    # Where every name is paired with every rule it is hours, not seconds.
    assert time.process_time() - started < 60


def test_of_thousands_of_rules_few_are_held_against_a_path() -> None:
    robots = "User-agent: *\n" + "".join(f"Disallow: /{n}/\nAllow: /{n}/a\n" for n in range(9_000))
    listed = [{"location": f"/{n}/b", "tdm-reservation": n % 2} for n in range(9_000)]
    rules = site_rules("pairlake", robots).with_reservations(json.dumps(listed).encode())
    assert rules.robots.near("/77/a.jpg") == ("Disallow: /77/", "Allow: /77/a")
    found = [terms(rules, f"/{n}/{name}.jpg") for n in (8_000, 8_001) for name in "abc"]
    no = DISALLOWED
    assert found == [[], [*no, *FREE], no, [], [*no, *RESERVED], no]


def test_more_rules_than_can_be_weighed_for_a_path_allow_nothing() -> None:
    """Each is a pattern that any path may match, and wishes must not be passed over."""
    lines = "".join(f"Disallow: /*{n:04}*x\n" for n in range(4_000))
    listed = [{"location": f"/*{n:04}*x", "tdm-reservation": n % 2} for n in range(4_000)]
    for rules in (
        site_rules("pairlake", f"User-agent: *\n{lines}"),
        site_rules("pairlake", "").with_reservations(json.dumps(listed).encode()),
    ):
        with pytest.raises(TooManyRules):
            rules.said_of(f"{SITE}/x.jpg")
    assert not site_rules("pairlake", f"User-agent: *\n{lines}").allows(f"{SITE}/x.jpg")


def test_a_delay_is_read() -> None:
    assert site_rules("pairlake", "User-agent: *\nCrawl-delay: 2.5").delay_s == 2.5
    assert site_rules("pairlake", "User-agent: *\nCrawl-delay: soon").delay_s == 0
    assert site_rules("pairlake", "").delay_s == 0


def test_half_a_rule_at_the_end_of_what_is_read_is_none() -> None:
    head, rule = b"User-agent: *\nDisallow: /a/\n", b"Disallow: /b/c/"
    for end in range(1, len(rule) + 1):
        padding = b"#" * (MAX_ROBOTS_BYTES - len(head) - end) + b"\n"
        body = (head + padding + rule)[: MAX_ROBOTS_BYTES + 1]
        rules = read_robots("pairlake", body)
        assert not rules.allows(f"{SITE}/a/x.jpg")
        assert rules.allows(f"{SITE}/b/x.jpg")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_heard_without_its_mark(encoding: str) -> None:
    assert said("/x.jpg", text_of("User-agent: *\nDisallow: /x".encode(encoding))) == DISALLOWED


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "latin-1"])
def test_a_robots_txt_may_be_in_any_charset(encoding: str) -> None:
    mark = b"\xfe\xff" if encoding == "utf-16-be" else b""
    text = text_of(mark + "User-agent: *\nDisallow: /é".encode(encoding))
    asked = "/%E9.jpg" if encoding == "latin-1" else "/%C3%A9.jpg"
    assert said(asked, text) == DISALLOWED
    assert said("/e.jpg", text) == []


def test_lines_without_end_take_a_moment() -> None:
    started = time.process_time()
    lines = ("x\n", "a b\n", " ", "User-agent: *,", "Disallow: /*$\n", ":", "license ", "\r")
    for line in (*lines, "License: https://a.example/\n", "Content-Usage: /x a=n\n"):
        robots = "User-agent: *\n" + (line * 50_000)[:50_000]
        with suppress(TooManyRules):
            site_rules("pairlake", robots).said_of(f"{SITE}/{'x' * 2_000}")
        licenses_in(robots)
    # Where the time grows with the square of the length it is minutes.
    assert time.process_time() - started < 60


@given(st.text(), st.binary())
def test_nothing_that_a_site_says_is_too_strange(robots: str, tdmrep: bytes) -> None:
    site_rules("pairlake", robots).with_reservations(tdmrep).said_of(f"{SITE}/x.jpg")
