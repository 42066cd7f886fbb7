"""What is refused to all uses that are wanted is left out as early as that is said, no more is."""

from __future__ import annotations

import json

import pytest

from pairlake.lake.errors import BadSetting
from tests.ingest.conftest import Web
from tests.ingest.drawn import JPEG
from tests.ingest.fetching import fetch_all, outcomes, rows
from tests.ingest.images.test_wanted import ALL, REFUSED

ROBOTS, TDMREP = "/robots.txt", "/.well-known/tdmrep.json"
SIGNALS = {
    "X-Robots-Tag": "x_robots_tag",
    "TDM-Reservation": "tdmrep",
    "tdmrep.json": "tdmrep",
    "robots.txt": "robots_txt",
    "Content-Usage": "content_usage",
    "Content-Signal": "content_signal",
}
IN_HEADERS = [term for term in REFUSED if term[0] not in ("robots.txt", "tdmrep.json", "RSL")]
BEFORE = [term for term in REFUSED if term[0] not in ("X-Robots-Tag", "TDM-Reservation", "RSL")]


def say_before(site: Web, term: tuple[str, str]) -> None:
    """Have the site say it before it is asked for an image."""
    name, value = term
    if name == "tdmrep.json":
        rule = {"location": "/", "tdm-reservation": int(value)}
        site.serve(TDMREP, json.dumps([rule]).encode())
    else:
        line = "Disallow: /x" if name == "robots.txt" else f"{name}: {value}"
        site.serve(ROBOTS, f"User-agent: *\n{line}\n".encode())


def expected(term: tuple[str, str], use: str) -> str:
    return f"opted_out_{SIGNALS[term[0]]}" if use in REFUSED[term] else "ok"


@pytest.mark.parametrize("use", ALL)
def test_what_a_header_says_of_the_one_use_that_is_wanted_is_obeyed(
    use: str, site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAIRLAKE_USES", use)
    cases = {
        site.serve(f"/{number}", JPEG, **{name.replace("-", "_"): value}): expected(
            (name, value), use
        )
        for number, (name, value) in enumerate(IN_HEADERS)
    }
    assert dict(zip(cases, outcomes(*cases), strict=True)) == cases
    # No body was read, and whatever came of it, each term has landed.
    assert rows("select count(*) from lake.raw.downloads where outcome <> 'ok' and bytes > 0") == [
        (0,)
    ]
    assert rows("select count(distinct url_id) from lake.raw.wishes") == [(len(IN_HEADERS),)]


@pytest.mark.parametrize("term", BEFORE, ids=":".join)
def test_what_a_site_says_before_is_obeyed_without_asking(
    term: tuple[str, str], site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    say_before(site, term)
    for use in ALL:
        monkeypatch.setenv("PAIRLAKE_USES", use)
        site.asked.clear()
        url = site.serve(f"/x/{use}", JPEG)
        outcome = expected(term, use)
        assert outcomes(url) == [outcome]
        assert site.asked == ([f"/x/{use}"] if outcome == "ok" else [])
    said = rows("select distinct property, value from lake.raw.wishes")
    assert said == [term]
    assert rows("select count(*) from lake.raw.wishes") == [(len(ALL),)]


def test_what_may_be_found_and_not_trained_on_comes_unless_it_is_for_training_alone(
    site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.serve(ROBOTS, b"User-agent: *\nContent-Signal: search=yes, ai-train=no\nAllow: /\n")
    assert outcomes(site.serve("/1", JPEG)) == ["ok"]
    assert site.asked == ["/1"]
    monkeypatch.setenv("PAIRLAKE_USES", "train")
    assert outcomes(site.serve("/2", JPEG)) == ["opted_out_content_signal"]
    assert site.asked == ["/1"]
    assert rows(
        "select distinct opt_out_evidence from lake.raw.downloads where outcome <> 'ok'"
    ) == [("robots.txt: Content-Signal: search=yes, ai-train=no",)]
    # It may be asked for again, once it is wanted for more.
    monkeypatch.setenv("PAIRLAKE_USES", "train, search")
    fetch_all(f"{site.url}/2")
    assert site.asked == ["/1", "/2"]


def test_what_several_refuse_together_is_left_out_where_the_last_of_them_is_heard(
    site: Web,
) -> None:
    site.serve(ROBOTS, b"User-agent: *\nContent-Usage: /hop/ search=n\n")
    hop = site.serve("/hop/1", b"", 302, Location="/1", X_Robots_Tag="noai")
    found = site.serve("/1", JPEG)
    way = site.serve("/way", b"", 302, Location="/hop/2", X_Robots_Tag="noml")
    site.serve("/hop/2", JPEG)
    assert outcomes(hop, found, way) == ["opted_out_content_usage", "ok", "opted_out_content_usage"]
    assert sorted(site.asked) == ["/1", "/hop/1", "/way"]
    evidence = rows(
        "select opt_out_evidence from lake.raw.downloads where outcome <> 'ok' order by 1"
    )
    usage = "robots.txt: Content-Usage: search=n"
    assert evidence == [(f"{usage} | X-Robots-Tag: {said}",) for said in ("noai", "noml")]


def test_a_site_whose_uses_are_all_refused_is_still_asked_for_what_else_it_says(site: Web) -> None:
    """Its tdmrep.json may be asked for, and nothing else is."""
    site.serve(ROBOTS, b"User-agent: *\nContent-Signal: search=no, ai-train=no\n")
    assert outcomes(site.serve("/1", JPEG)) == ["opted_out_content_signal"]
    assert (site.asked_of_rules, site.asked) == ([ROBOTS, TDMREP], [])


def test_a_use_that_is_none_ends_it_before_anything_is_asked(
    site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAIRLAKE_USES", "trian")
    with pytest.raises(BadSetting, match="PAIRLAKE_USES is 'trian'"):
        fetch_all(site.serve("/1", JPEG))
    assert site.asked_of_rules == []
