"""A network that is down is not the URLs' fault: nothing is charged, and a sentence says so."""

from __future__ import annotations

import re
import socket
from ipaddress import ip_network

import pytest

from pairlake.ingest.fetch import outages
from pairlake.ingest.fetch.outages import MANY
from tests.ingest.conftest import Web
from tests.ingest.drawn import JPEG
from tests.ingest.fetching import fetch_all, outcomes, redirect, rows

HOSTS = 3 * MANY


@pytest.fixture
def dead(free_port: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """URLs of many hosts of which none answers."""
    monkeypatch.setenv("PAIRLAKE_ALLOW_NETWORKS", "127.0.0.0/8")
    return [f"http://127.0.1.{n}:{free_port}/1.jpg" for n in range(1, HOSTS + 1)]


def test_where_nobody_answers_no_url_is_charged_a_try(dead: list[str]) -> None:
    summary = fetch_all(*dead)
    assert summary.problem
    assert re.match(r"Nobody answers: .* `pairlake fetch` again", summary.problem)
    assert str(summary).endswith(" s; stopped")
    assert rows("select count(*) from lake.raw.downloads") == [(0,)]


def test_nor_where_one_host_is_all_there_is(free_port: int) -> None:
    assert fetch_all(*(f"http://127.0.0.1:{free_port}/{n}.jpg" for n in range(2 * MANY))).problem
    assert rows("select count(*) from lake.raw.downloads") == [(0,)]


@pytest.fixture
def astray(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """URLs of many names, all of which lead to one private address, as where a login is wanted."""

    def lookup(host: str, port: int, *_: object, **__: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("10.0.0.1", port))]

    monkeypatch.setattr("socket.getaddrinfo", lookup)
    return [f"http://{n}.example{n}.org/1.jpg" for n in range(HOSTS)]


def test_where_all_names_lead_to_a_login_no_url_is_lost(astray: list[str]) -> None:
    summary = fetch_all(*astray)
    assert summary.problem
    assert re.match(r"Nobody answers: .* not public, .* login, .*ALLOW_NETWORKS", summary.problem)
    assert rows("select count(*) from lake.raw.downloads") == [(0,)]


def test_where_somebody_answers_a_private_address_counts(astray: list[str], site: Web) -> None:
    found = fetch_all(*astray, site.serve("/1.jpg", JPEG)).outcomes
    assert found == {"private_address": HOSTS, "ok": 1}


def test_addresses_in_figures_are_what_they_are() -> None:
    urls = [f"http://10.0.0.{n}/1.jpg" for n in range(HOSTS)]
    assert outcomes(*urls) == ["private_address"] * HOSTS


def test_a_few_that_do_not_answer_are_charged(dead: list[str]) -> None:
    few = dead[: MANY - 1]
    assert outcomes(*few) == ["connection_error"] * len(few)


@pytest.mark.parametrize("at_once", ["1", "64"])
def test_where_somebody_answers_those_are_charged_that_do_not(
    at_once: str, dead: list[str], site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAIRLAKE_FETCH_CONCURRENCY", at_once)
    # Be it before, amid or after them; and be it no picture.
    for number, place in enumerate((0, HOSTS // 2, HOSTS)):
        answering = site.serve(f"/{number}.jpg", b"", 500)
        found = fetch_all(*dead[:place], answering, *dead[place:]).outcomes
        assert found == {"connection_error": HOSTS, "server_error": 1}


def test_where_a_host_of_earlier_runs_answers_those_are_charged_that_do_not(
    dead: list[str], site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch_all(redirect(site, "/1.jpg", f"{site.url}/2.jpg"), site.serve("/2.jpg", JPEG))
    # It is on this machine, which proves nothing.
    assert fetch_all(*dead).problem
    monkeypatch.setattr(outages, "_BESIDE", [ip_network("127.0.0.1/32")])
    assert fetch_all(*dead).outcomes == {"connection_error": HOSTS}


def test_what_came_before_the_line_went_down_has_landed(
    dead: list[str], site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAIRLAKE_FETCH_CONCURRENCY", "1")
    monkeypatch.setattr(outages.Line, "_is_up", _is_down)
    assert fetch_all(site.serve("/1.jpg", JPEG), *dead).problem
    assert rows("select outcome from lake.raw.downloads") == [("ok",)]


async def _is_down(_: outages.Line) -> bool:
    return False
