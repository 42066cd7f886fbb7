"""Sites are asked for their rules first, once, and what they refuse is not asked for."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import uuid
from contextlib import ExitStack
from pathlib import Path

import pyarrow as pa
import pytest
from aiohttp import web

from pairlake.ingest.fetch import sites
from pairlake.ingest.fetch.turns import MAX_FAILURES, Turns
from pairlake.ingest.fetch.wishes import read_reservations, read_robots
from pairlake.ingest.images.decoders import Decoders
from pairlake.lake.append import append
from pairlake.lake.catalog import writing
from pairlake.lake.errors import BadSetting
from pairlake.lake.keys import text_id
from tests.ingest.conftest import Web
from tests.ingest.drawn import JPEG
from tests.ingest.fetching import fetch_all, md5_of, outcomes, redirect, rows
from tests.ingest.raw import OK, raw_web

RULES = ["/robots.txt", "/.well-known/tdmrep.json"]
NO = b"User-agent: *\nDisallow: /private/"


def test_rules_are_asked_for_once_and_before_the_images(site: Web) -> None:
    site.serve("/robots.txt", NO)
    urls = [site.serve(f"/{n}.jpg", JPEG) for n in range(5)]
    urls += [site.serve(f"/private/{n}.jpg", JPEG) for n in range(2)]
    assert outcomes(*urls) == ["ok"] * 5 + ["opted_out_robots_txt"] * 2
    assert site.asked_of_rules == RULES
    assert not any(path.startswith("/private/") for path in site.asked)
    assert rows("select distinct opt_out_evidence from lake.raw.downloads order by 1") == [
        ("robots.txt: Disallow: /private/",),
        (None,),
    ]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, "opted_out_robots_txt"),
        (204, "ok"),
        (401, "ok"),
        (403, "ok"),
        (404, "ok"),
        (410, "ok"),
        (429, "robots_unreachable"),
        (500, "robots_unreachable"),
        (503, "robots_unreachable"),
    ],
)
def test_what_the_status_of_robots_txt_means(status: int, outcome: str, site: Web) -> None:
    site.serve("/robots.txt", b"User-agent: *\nDisallow: /", status)
    assert outcomes(site.serve("/1.jpg", JPEG)) == [outcome]
    assert site.asked == (["/1.jpg"] if outcome == "ok" else [])


def test_redirects_of_robots_txt_are_followed_five_times(site: Web) -> None:
    for hop in range(5):
        redirect(site, f"/hop{hop}", f"/hop{hop + 1}")
    site.serve("/hop5", b"User-agent: *\nDisallow: /")
    redirect(site, "/robots.txt", "/hop1")
    assert outcomes(site.serve("/1.jpg", JPEG)) == ["opted_out_robots_txt"]


def test_a_robots_txt_in_a_circle_is_none(site: Web) -> None:
    redirect(site, "/robots.txt", "/robots.txt")
    assert outcomes(site.serve("/1.jpg", JPEG)) == ["ok"]


@pytest.mark.parametrize("target", ["ftp://a.example/robots.txt", "http://10.0.0.1/robots.txt"])
def test_a_robots_txt_does_not_lead_where_images_must_not(target: str, site: Web) -> None:
    redirect(site, "/robots.txt", target)
    # It is not the image that is in the wrong place.
    assert outcomes(site.serve("/1.jpg", JPEG)) == ["robots_unreachable"]
    assert site.asked == []


def led_to(place: str, count: int) -> list[str]:
    """What comes of a picture of each of so many origins, whose robots.txt lead to `place`."""
    with ExitStack() as stack:
        urls = []
        for number in range(count):
            raw = stack.enter_context(raw_web())
            to = f"Location: {place.format(number)}\r\nContent-Length: 0\r\n\r\n"
            raw.serve("/robots.txt", b"HTTP/1.1 302 Found\r\n" + to.encode())
            urls.append(raw.serve("/1.jpg", OK + b"Content-Length: %d\r\n\r\n" % len(JPEG) + JPEG))
        return outcomes(*urls)


def test_many_sites_that_lead_to_one_do_not_set_us_on_it(site: Web) -> None:
    other = site.url.replace("127.0.0.1", "localhost")
    site.serve("/rules", b"User-agent: *\nDisallow: /private/")
    found = led_to(f"{other}/rules?{{}}", 4)
    assert sorted(found) == ["ok"] + ["robots_unreachable"] * 3
    # Its own rules first, since they hold for that place too.
    assert (site.asked_of_rules, site.asked) == (RULES, ["/rules"])


def test_sites_may_share_the_rules_of_one(site: Web) -> None:
    site.serve("/robots.txt", b"User-agent: *\nDisallow: /1")
    found = led_to(site.url.replace("127.0.0.1", "localhost") + "/robots.txt", 4)
    assert found == ["opted_out_robots_txt"] * 4
    assert site.asked_of_rules == RULES


def test_rules_do_not_lead_to_what_their_own_site_refuses(site: Web) -> None:
    site.serve("/robots.txt", NO)
    other = site.url.replace("127.0.0.1", "localhost")
    assert led_to(f"{other}/private/rules", 1) == ["robots_unreachable"]
    assert site.asked == []


def test_rules_lead_to_no_domain_that_has_no_turn_for_them(
    site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_turn(self: Turns, url: str) -> bool:
        return False

    monkeypatch.setattr(Turns, "wait_for_redirect", no_turn)
    other = site.url.replace("127.0.0.1", "localhost")
    assert led_to(f"{other}/robots.txt", 1) == ["robots_unreachable"]
    assert site.asked_of_rules == []
    # Nor does an image.
    assert outcomes(redirect(site, "/1.jpg", f"{other}/2.jpg")) == ["postponed"]
    assert site.asked_of_rules == RULES


def test_rules_of_two_sites_that_lead_to_each_other_are_none(site: Web) -> None:
    async def robots(request: web.Request) -> web.StreamResponse:
        is_here = request.host.startswith("127.0.0.1")
        other = site.url.replace("127.0.0.1", "localhost") if is_here else site.url
        return web.Response(status=302, headers={"Location": f"{other}/robots.txt"})

    site.routes["/robots.txt"] = robots
    assert outcomes(site.serve("/1.jpg", JPEG)) == ["robots_unreachable"]
    assert rows("select error from lake.raw.downloads") == [("robots.txt: status 502",)]


def test_long_rules_are_read_elsewhere_and_their_domain_rests(
    site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[object] = []
    rested: list[float] = []

    async def run(self: Decoders, function: object, *arguments: object) -> object:
        read.extend(argument for argument in arguments if callable(argument))
        return await really_run(self, function, *arguments)

    really_run = Decoders.run
    monkeypatch.setattr(Decoders, "run", run)
    monkeypatch.setattr(Turns, "rest", lambda self, url, seconds: rested.append(seconds))
    site.serve("/robots.txt", NO + b"\nDisallow: /*x*y*z" * 500)
    rules = [{"location": f"/{number}/", "tdm-reservation": 1} for number in range(200)]
    site.serve("/.well-known/tdmrep.json", json.dumps(rules).encode())
    urls = [site.serve(f"/{name}/1.jpg", JPEG) for name in ("private", "7", "fine")]
    assert outcomes(*urls) == ["opted_out_robots_txt", "opted_out_tdmrep", "ok"]
    assert read == [read_robots, read_reservations]
    # For each of both, and for each image that is held against them.
    assert len(rested) == 5
    assert min(rested) > 0


def test_a_robots_txt_that_cannot_be_read_allows_nothing(site: Web) -> None:
    packed = gzip.compress(b"User-agent: *\nAllow: /\n") + gzip.compress(b"Disallow: /1")
    site.serve("/robots.txt", packed, Content_Encoding="gzip")
    assert outcomes(site.serve("/1.jpg", JPEG)) == ["opted_out_robots_txt"]
    for body, encoding in ((packed[:20], "gzip"), (b"", "br")):
        site.serve("/robots.txt", body, Content_Encoding=encoding)
        assert outcomes(site.serve(f"/{encoding}.jpg", JPEG)) == ["robots_unreachable"]
    assert site.asked == []


@pytest.mark.parametrize(
    "answer",
    [
        b"no HTTP at all, for as long as it takes\r\n\r\n",
        OK + b"Content-Length: 100\r\n\r\nUser-agent: *\nDisall",
        b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_a_site_whose_rules_are_broken_is_not_one_that_is_out_of_reach(answer: bytes) -> None:
    with raw_web() as raw:
        raw.serve("/robots.txt", answer)
        urls = [f"{raw.url}/{n}" for n in range(3 * MAX_FAILURES)]
        assert outcomes(*urls) == ["robots_unreachable"] * len(urls)
        assert raw.asked == []


def test_a_redirect_to_a_dead_host_does_not_silence_its_own(site: Web, free_port: int) -> None:
    dead = f"http://127.0.0.1:{free_port}/"
    hops = [redirect(site, f"/{n}", f"{dead}{n}") for n in range(3 * MAX_FAILURES)]
    assert set(outcomes(*hops)) == {"connection_error"}
    assert len(site.asked) == len(hops)


def test_rules_are_asked_for_again_when_they_are_old(
    site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sites, "MAX_AGE_S", 0.0)
    monkeypatch.setattr(sites, "_FAULT_AGE_S", 0.0)
    monkeypatch.setenv("PAIRLAKE_FETCH_CONCURRENCY", "1")
    outcomes(*(site.serve(f"/{n}.jpg", JPEG) for n in range(3)))
    assert site.asked_of_rules == 3 * RULES


def test_what_is_kept_of_rules_is_bounded(site: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sites, "MAX_CHARS", 20_000)
    site.serve("/robots.txt", b"User-agent: *\n" + b"Disallow: /private\n" * 2_000)
    other = site.url.replace("127.0.0.1", "localhost")
    monkeypatch.setenv("PAIRLAKE_FETCH_CONCURRENCY", "1")
    site.serve("/1.jpg", JPEG)
    assert outcomes(f"{site.url}/1.jpg", f"{other}/1.jpg") == ["ok", "ok"]
    # The rules of the first site have made room for those of the second.
    assert site.asked_of_rules == 2 * RULES


def test_an_encoding_that_is_none_keeps_no_rule_from_being_heard(site: Web) -> None:
    site.serve("/robots.txt", NO, Content_Encoding="UTF-8")
    urls = [site.serve("/1.jpg", JPEG), site.serve("/private/1.jpg", JPEG)]
    assert outcomes(*urls) == ["ok", "opted_out_robots_txt"]


def test_a_site_too_busy_for_its_rules_has_its_break(site: Web) -> None:
    site.serve("/robots.txt", b"", 503, Retry_After="3600")
    summary = fetch_all(*(site.serve(f"/{n}", JPEG) for n in range(80)))
    assert set(summary.outcomes) == {"robots_unreachable", "postponed"}


def test_a_robots_txt_that_does_not_come_allows_nothing(
    site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sites, "_TIMEOUT_S", 0.2)

    async def never(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(5)
        return web.Response()

    site.routes["/robots.txt"] = never
    assert outcomes(site.serve("/1.jpg", JPEG)) == ["robots_unreachable"]
    assert site.asked == []


def test_of_an_endless_robots_txt_the_beginning_counts(site: Web) -> None:
    site.serve("/robots.txt", b"User-agent: *\nDisallow: /private/\n" + b"# x\n" * 1_000_000)
    urls = [site.serve("/1.jpg", JPEG), site.serve("/private/1.jpg", JPEG)]
    assert outcomes(*urls) == ["ok", "opted_out_robots_txt"]


def test_tdmrep_json_reserves_paths(site: Web) -> None:
    rules = [{"location": "/art/", "tdm-reservation": 1}]
    site.serve("/.well-known/tdmrep.json", json.dumps(rules).encode())
    urls = [site.serve("/art/1.jpg", JPEG), site.serve("/1.jpg", JPEG)]
    assert outcomes(*urls) == ["opted_out_tdmrep", "ok"]
    assert site.asked == ["/1.jpg"]


def test_wishes_in_headers_are_outcomes_of_their_own(site: Web) -> None:
    cases = {
        site.serve("/1", JPEG, TDM_Reservation="1"): "opted_out_tdmrep",
        site.serve("/2", JPEG, Content_Usage="search=n, train-ai=n"): "opted_out_content_usage",
        site.serve("/3", JPEG, X_Robots_Tag="noml, noindex"): "opted_out_x_robots_tag",
        site.serve("/4", JPEG, Content_Usage="train-ai=y", TDM_Reservation="0"): "ok",
    }
    assert dict(zip(cases, outcomes(*cases), strict=True)) == cases
    evidence = rows("select opt_out_evidence from lake.raw.downloads where outcome <> 'ok'")
    assert sorted(evidence) == [
        ("Content-Usage: search=n, train-ai=n",),
        ("TDM-Reservation: 1; TDM-Policy: none",),
        ("X-Robots-Tag: noml, noindex",),
    ]


def test_the_site_that_a_redirect_leads_to_has_its_say(site: Web) -> None:
    other = site.url.replace("127.0.0.1", "localhost")

    async def robots(request: web.Request) -> web.StreamResponse:
        refuses = request.host.startswith("localhost")
        return web.Response(text="User-agent: *\nDisallow: /" if refuses else "")

    site.routes["/robots.txt"] = robots
    site.serve("/2.jpg", JPEG)
    assert outcomes(redirect(site, "/1.jpg", f"{other}/2.jpg")) == ["opted_out_robots_txt"]
    assert site.asked == ["/1.jpg"]


def test_a_server_that_is_busy_is_left_alone(site: Web) -> None:
    urls = [site.serve(f"/{n}", b"", 429, Retry_After="3600") for n in range(30)]
    summary = fetch_all(*urls)
    assert set(summary.outcomes) <= {"too_many_requests", "postponed"}
    assert summary.downloads == 30


def take_down(kind: str, value: str) -> None:
    rows = pa.table({"kind": [kind], "value_id": pa.array([text_id(value).bytes], pa.uuid())})
    append({"raw.takedowns": rows})


def test_a_url_that_was_taken_down_is_not_asked_for(site: Web) -> None:
    gone, moved = site.serve("/gone.jpg", JPEG), redirect(site, "/moved.jpg", "/gone.jpg")
    # A URL that aiohttp would write in another way.
    odd = f"{site.url}/a|b.jpg"
    take_down("url", gone)
    take_down("url", odd)
    assert outcomes(gone, moved, odd) == ["blocked"] * 3
    assert site.asked == ["/moved.jpg"]


def test_a_redirect_does_not_lead_into_a_domain_that_was_taken_down(site: Web) -> None:
    other = site.url.replace("127.0.0.1", "localhost")
    site.serve("/1.jpg", JPEG)
    take_down("domain", "localhost")
    assert outcomes(redirect(site, "/moved.jpg", f"{other}/1.jpg")) == ["blocked"]
    assert site.asked == ["/moved.jpg"]


def test_pictures_on_a_hash_list_are_not_kept(
    site: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = JPEG + b"\0"
    (tmp_path / "a.txt").write_text(f"# a list\n{hashlib.sha256(JPEG).hexdigest()}  x.jpg\n\n")
    (tmp_path / "b.txt").write_text(md5_of(other).hex.upper())
    monkeypatch.setenv("PAIRLAKE_HASH_LISTS", f"{tmp_path}/a.txt, {tmp_path}/b.txt")
    urls = [site.serve("/1", JPEG), site.serve("/2", other)]
    assert outcomes(*urls) == ["blocked", "blocked"]
    assert rows("select count(*) from lake.raw.image_pixels") == [(0,)]


def test_what_the_models_count_as_taken_down_is_not_kept(site: Web) -> None:
    with writing() as con:
        con.execute("create schema lake.intermediate")
        con.execute(
            "create table lake.intermediate.int_takedowns_in_force as "
            "select 'image_md5' as kind, ?::uuid as value_id union all "
            "select 'url' as kind, md5(?)::uuid as value_id",
            [str(md5_of(JPEG)), f"{site.url}/2"],
        )
    urls = [site.serve("/1", JPEG), site.serve("/2", JPEG + b"\0")]
    assert outcomes(*urls) == ["blocked", "blocked"]
    assert site.asked == ["/1"]
    assert rows("select count(*) from lake.raw.image_pixels") == [(0,)]


@pytest.mark.parametrize("content", ["no hash", "abc123", None])
def test_a_hash_list_must_be_one(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if content is not None:
        (tmp_path / "list").write_text(content)
    monkeypatch.setenv("PAIRLAKE_HASH_LISTS", str(tmp_path / "list"))
    with pytest.raises(BadSetting, match="hash list"):
        fetch_all("http://a.example/")


def test_a_uuid_is_no_url(site: Web) -> None:
    assert outcomes(str(uuid.UUID(int=1))) == ["bad_url"]
