"""Domains are asked by turns: so many at once, so far apart, and left alone when they wish it."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from pairlake.ingest.fetch import turns
from pairlake.ingest.fetch.turns import Turn, Turns
from pairlake.lake.domains import registrable_domain

Answer = Callable[[Turns, Turn], None]


def urls(*places: str) -> Iterator[tuple[uuid.UUID, str]]:
    return ((uuid.uuid4(), f"http://{place}") for place in places)


def fine(waiting: Turns, turn: Turn) -> None:
    waiting.done(turn)


def wants(is_meant: Callable[[Turn], bool] = lambda turn: False, **wishes: float) -> Answer:
    """Answers that ask for a break where it is meant, and for what else is wished always."""

    def answer(waiting: Turns, turn: Turn) -> None:
        waiting.note_wishes(turn.url, wants_break=is_meant(turn), **wishes)
        waiting.done(turn)

    return answer


def work_off(
    *places: str,
    workers: int = 8,
    at_once: int = 2,
    delay_s: float = 0.0,
    takes_s: float = 0.0,
    answer: Answer = fine,
) -> list[tuple[Turn, float, int]]:
    """Each turn in its order, when it began, and how many of its domain were under way then."""
    begun: list[tuple[Turn, float, int]] = []
    under_way: Counter[str] = Counter()

    async def work(waiting: Turns) -> None:
        while (turn := await waiting.next()) is not None:
            under_way[turn.domain] += 1
            begun.append((turn, time.monotonic(), under_way[turn.domain]))
            if not turn.left_alone:
                await asyncio.sleep(takes_s)
                answer(waiting, turn)
            under_way[turn.domain] -= 1

    async def run() -> None:
        waiting = Turns(urls(*places), at_once=at_once, delay_s=delay_s)
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(work(waiting))

    asyncio.run(run())
    return begun


def test_a_domain_is_its_registered_name() -> None:
    domains = {
        "img.example.co.uk": "example.co.uk",
        "example.com": "example.com",
        "a.b.blogspot.com": "blogspot.com",
        "127.0.0.1": "127.0.0.1",
        "::1": "::1",
        "localhost": "localhost",
        "": "",
    }
    assert {host: registrable_domain(host) for host in domains} == domains


def test_all_urls_have_their_turn_and_no_more_of_a_domain_at_once_than_may_be() -> None:
    places = [f"{name}.{host}/{n}" for n in range(9) for host in "ab" for name in ("x", "y")]
    places = [place.replace("/", ".example/") for place in places]
    begun = work_off(*places, takes_s=0.002)
    assert sorted(turn.url for turn, *_ in begun) == sorted(f"http://{p}" for p in places)
    assert {turn.domain for turn, *_ in begun} == {"a.example", "b.example"}
    assert max(at_once for *_, at_once in begun) == 2


def test_two_images_of_a_domain_are_apart_and_others_need_not_wait() -> None:
    begun = work_off("a.example/1", "a.example/2", "a.example/3", "b.example/1", delay_s=0.1)
    times = {turn.url: moment for turn, moment, _ in begun}
    first = times["http://a.example/1"]
    assert times["http://b.example/1"] - first < 0.1
    assert times["http://a.example/2"] - first >= 0.1
    assert times["http://a.example/3"] - first >= 0.2


def test_a_slower_pace_is_kept_where_a_site_asks_for_it() -> None:
    places = [f"a.example/{n}" for n in range(3)]
    begun = work_off(*places, at_once=1, answer=wants(delay_s=0.1))
    # The first one is asked before its wish is known.
    assert begun[2][1] - begun[1][1] >= 0.1


def test_a_domain_that_cannot_be_reached_is_left_alone() -> None:
    places = [f"dead.example/{n}" for n in range(20)] + ["b.example/1"]

    def dead(waiting: Turns, turn: Turn) -> None:
        waiting.done(turn, is_reached=turn.domain != "dead.example")

    begun = work_off(*places, at_once=1, answer=dead)
    left = [turn for turn, *_ in begun if turn.left_alone]
    assert len(begun) == 21
    assert len(left) == 20 - turns.MAX_FAILURES
    assert {turn.left_alone[0] for turn in left if turn.left_alone} == {"connection_error"}
    assert {turn.domain for turn in left} == {"dead.example"}


def test_failures_count_in_a_row_only() -> None:
    places = [f"a.example/{n}" for n in range(3 * turns.MAX_FAILURES)]
    odd = lambda w, turn: w.done(turn, is_reached=turn.url.endswith("4"))  # noqa: E731
    begun = work_off(*places, at_once=1, answer=odd)
    assert [turn.left_alone is None for turn, *_ in begun].count(True) >= turns.MAX_FAILURES + 5


def test_a_domain_that_wants_a_break_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "FIRST_BREAK_S", 0.1)
    places = [f"a.example/{n}" for n in range(3)]
    begun = work_off(
        *places,
        at_once=1,
        answer=wants(is_meant=lambda turn: turn.url.endswith(("/0", "/1"))),
    )
    assert begun[1][1] - begun[0][1] >= 0.1
    assert begun[2][1] - begun[1][1] >= 0.2


def test_a_domain_whose_rules_take_long_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "REST", 10)

    def costly(waiting: Turns, turn: Turn) -> None:
        waiting.rest(turn.url, 0.01 if turn.url.endswith("/0") else 0.001)
        waiting.done(turn)

    begun = work_off(*(f"a.example/{n}" for n in range(3)), "b.example/9", at_once=1, answer=costly)
    times = {turn.url[-1]: moment for turn, moment, _ in begun}
    assert times["1"] - times["0"] >= 0.1
    assert times["9"] < times["1"]


def test_a_domain_that_wants_a_long_break_is_for_another_run() -> None:
    places = [f"a.example/{n}" for n in range(5)] + ["b.example/1"]

    busy = wants(is_meant=lambda turn: turn.domain == "a.example", retry_after_s=3_600)
    begun = work_off(*places, at_once=1, answer=busy)
    left = [turn for turn, *_ in begun if turn.left_alone]
    assert [turn.domain for turn in left] == ["a.example"] * 4
    assert left[0].left_alone == ("postponed", "not asked: a.example wants a break of 3600 s")


def test_a_dead_host_does_not_speak_for_its_neighbours() -> None:
    places = [f"{name}.blogspot.com/{n}" for n in range(9) for name in ("dead", "fine")]

    def dead(waiting: Turns, turn: Turn) -> None:
        waiting.done(turn, is_reached=turn.host != "dead.blogspot.com")

    begun = work_off(*places, at_once=1, answer=dead)
    left = Counter(turn.host for turn, *_ in begun if turn.left_alone)
    assert left == {"dead.blogspot.com": 9 - turns.MAX_FAILURES}


def test_a_domain_in_the_midst_of_a_break_is_not_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "MAX_DOMAINS", 1)
    monkeypatch.setattr(turns, "WINDOW", 1)

    async def run() -> float:
        waiting = Turns(urls("a.example/1", "b.example/1", "a.example/2"), at_once=1, delay_s=0)
        for turn in [await waiting.next(), await waiting.next()]:
            assert turn
            waiting.note_wishes(turn.url, wants_break=turn.domain == "a.example", retry_after_s=0.2)
            waiting.done(turn)
        started = time.monotonic()
        assert await waiting.next()
        return time.monotonic() - started

    assert asyncio.run(run()) >= 0.1


def test_redirects_to_one_domain_are_apart_and_do_not_wait_for_ever() -> None:
    async def run() -> tuple[float, bool]:
        waiting = Turns(urls(), at_once=2, delay_s=0.05)
        started = time.monotonic()
        assert all(
            await asyncio.gather(
                *(waiting.wait_for_redirect("http://a.example/") for _ in range(4))
            )
        )
        took = time.monotonic() - started
        waiting.note_wishes("http://a.example/", wants_break=True, retry_after_s=30)
        return took, await waiting.wait_for_redirect("http://a.example/")

    took, may = asyncio.run(run())
    assert took >= 0.15
    assert not may


def test_only_a_window_is_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "WINDOW", 10)
    taken = 0

    def endless() -> Iterator[tuple[uuid.UUID, str]]:
        nonlocal taken
        for number in range(1_000):
            taken += 1
            yield uuid.uuid4(), f"http://a{number}.example/"

    async def first() -> Turn | None:
        return await Turns(endless(), at_once=1, delay_s=0).next()

    assert asyncio.run(first()) is not None
    assert taken == 10


def test_idle_domains_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "WINDOW", 10)
    monkeypatch.setattr(turns, "MAX_DOMAINS", 20)

    async def run() -> int:
        waiting = Turns(urls(*(f"a{n}.example/" for n in range(200))), at_once=1, delay_s=0)
        most = 0
        while (turn := await waiting.next()) is not None:
            most = max(most, len(waiting._domains))
            waiting.done(turn)
        return most

    assert asyncio.run(run()) <= 20


def test_a_domain_in_line_is_not_forgotten_when_it_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "WINDOW", 4)
    monkeypatch.setattr(turns, "MAX_DOMAINS", 2)
    monkeypatch.setattr(turns, "MAX_FAILURES", 1)

    async def run() -> int:
        places = ["a.example/1", "a.example/2", "b.example/1", "c.example/1", "d.example/1"]
        waiting = Turns(urls(*places), at_once=2, delay_s=0)
        turn, count = await waiting.next(), 0
        while turn is not None:
            count += 1
            if not turn.left_alone:
                waiting.done(turn, is_reached=turn.domain != "a.example")
            turn = await waiting.next()
        return count

    assert asyncio.run(run()) == 5


def test_when_stopped_no_turn_comes_and_it_is_told_whether_any_was_left() -> None:
    async def run(count: int) -> tuple[bool, Turn | None]:
        places = urls(*(f"a.example/{n}" for n in range(count)))
        waiting = Turns(places, at_once=1, delay_s=60)
        assert await waiting.next() is not None
        asyncio.get_running_loop().call_later(0.01, waiting.stop)
        return waiting.is_stopped, await waiting.next()

    assert asyncio.run(run(3)) == (False, None)

    async def left(count: int) -> bool:
        waiting = Turns(urls(*(f"a.example/{n}" for n in range(count))), at_once=1, delay_s=60)
        await waiting.next()
        waiting.stop()
        return waiting.is_stopped

    assert asyncio.run(left(3)) is True
    assert asyncio.run(left(1)) is False


def test_urls_that_are_none_have_their_turn_too() -> None:
    begun = work_off("[::1/", "", "a.example/")
    assert len(begun) == 3


def test_a_domain_of_a_thousand_hosts_that_want_a_break_ends_nothing() -> None:
    waiting = Turns(iter(()), at_once=1, delay_s=0)
    for number in range(2_000):
        waiting.note_wishes(f"http://{number}.example.com/1", wants_break=True)
