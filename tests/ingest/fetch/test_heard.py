"""What sites say of the use of an image lands beside its download."""

from __future__ import annotations

from datetime import datetime

import pytest

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
        ("User-agent: *\nContent-Usage: search=maybe, a=1, b", "/x.jpg", []),
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
            ["search=n", "search=yes"],
        ),
        ("User-agent: *\nContent-Usage: search=n\nDisallow: /", "/x.jpg", ["search=n"]),
    ],
)
def test_the_terms_that_hold_for_a_path_are_heard(robots: str, path: str, heard: list[str]) -> None:
    _, wishes = site_rules("pairlake", robots).said_of(SITE + path)
    assert [wish.value for wish in wishes] == heard
    assert all(wish.evidence.startswith(f"robots.txt: {wish.property}: ") for wish in wishes)


def test_of_endless_terms_few_are_heard() -> None:
    endless = ", ".join(f"use{n}=n" for n in range(1_000))
    _, wishes = site_rules("pairlake", f"User-agent: *\nContent-Usage: {endless}").said_of(SITE)
    assert 0 < len(wishes) < 20
    assert all(len(wish.evidence) <= 300 for wish in wishes)


def test_what_is_heard_lands_with_each_attempt(site: Web) -> None:
    site.serve("/robots.txt", b"User-agent: *\nContent-Signal: search=yes, ai-input=no\n")
    one = site.serve("/one", JPEG, Content_Usage="search=n")
    two = site.serve("/two", JPEG, Content_Usage="train-ai=n")
    assert fetch_all(one, two).images == 1
    query = """
        select final_url, outcome, property, value, evidence, heard_at
        from lake.raw.wishes inner join lake.raw.downloads using (url_id)
        order by final_url, property, value
    """
    found = rows(query)
    robots = "robots.txt: Content-Signal: search=yes, ai-input=no"
    assert [row[:5] for row in found] == [
        (one, "ok", "Content-Signal", "ai-input=no", robots),
        (one, "ok", "Content-Signal", "search=yes", robots),
        (one, "ok", "Content-Usage", "search=n", "Content-Usage: search=n"),
        (two, "opted_out_content_usage", "Content-Signal", "ai-input=no", robots),
        (two, "opted_out_content_usage", "Content-Signal", "search=yes", robots),
        (
            two,
            "opted_out_content_usage",
            "Content-Usage",
            "train-ai=n",
            "Content-Usage: train-ai=n",
        ),
    ]
    assert all(isinstance(heard_at, datetime) for *_, heard_at in found)
