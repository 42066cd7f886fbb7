"""An answer that is given up ends the work at it, and never more are worked at than was said."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from threading import Event, Lock

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairlake.serve.search import hits, in_time
from pairlake.serve.search.hits import _looked_like
from pairlake.serve.search.in_time import AT_ONCE, TooSlow, check_wanted, ended_by, turn

NEVER = Event()


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Has works given up at once, and gives what came of each that had begun, when all ended."""
    monkeypatch.setattr(in_time, "LONGEST_S", 0.05)

    def ended(*works: Callable[[], object]) -> list[str]:
        said, begun = list[str](), list[threading.Thread]()
        free = threading.Semaphore(0)

        def watched(work: Callable[[], object]) -> None:
            begun.append(threading.current_thread())
            try:
                work()
            except (TooSlow, duckdb.Error) as error:
                said.append(type(error).__name__)
            finally:
                free.release()

        async def all_of_them() -> list[object]:
            answers = (in_time.in_time(watched, work) for work in works)
            return await asyncio.gather(*answers, return_exceptions=True)

        answers = asyncio.run(all_of_them())
        assert [type(answer) for answer in answers] == [TooSlow] * len(works)
        for _ in list(begun):
            free.acquire()
        assert len(set(begun)) <= AT_ONCE
        return said

    return ended


def test_a_thread_is_free_again_once_its_answer_is_given_up(
    ended: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless() -> None:
        while not NEVER.wait(0.001):
            check_wanted()

    assert set(ended(*[endless] * (3 * AT_ONCE))) == {"TooSlow"}
    monkeypatch.setattr(in_time, "LONGEST_S", 600)
    assert asyncio.run(in_time.in_time(str, 7)) == "7"


def test_what_has_not_begun_when_it_is_given_up_never_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(in_time, "LONGEST_S", 0.05)
    gate, begun = Event(), list[str]()

    async def all_of_them() -> None:
        full = [in_time.in_time(gate.wait) for _ in range(AT_ONCE)]
        late = in_time.in_time(begun.append, "late")
        answers = await asyncio.gather(*full, late, return_exceptions=True)
        assert [type(answer) for answer in answers] == [TooSlow] * (AT_ONCE + 1)
        gate.set()
        monkeypatch.setattr(in_time, "LONGEST_S", 600)
        await in_time.in_time(begun.append, "next")

    asyncio.run(all_of_them())
    assert begun == ["next"]


def test_what_work_waits_for_is_left_or_ended(ended: Callable[..., list[str]]) -> None:
    held, con = Lock(), duckdb.connect()

    def in_turn() -> None:
        with turn(held):
            raise AssertionError

    def of_the_lake() -> None:
        with ended_by(con.interrupt):
            con.execute("select count(*) from range(1000000000000) where hash(range) = 7")

    with held:
        assert ended(in_turn) == ["TooSlow"]
    assert ended(of_the_lake) == ["InterruptException"]
    con.close()


def test_outside_of_an_answer_nothing_is_given_up() -> None:
    check_wanted()
    with ended_by(lambda: None), turn(Lock()):
        assert in_time.seconds_left() == in_time.LONGEST_S


# Look-alikes.


@given(
    groups=st.lists(st.integers(0, 6), max_size=40),
    block=st.integers(1, 7),
)
def test_a_picture_folds_into_the_first_that_it_looks_like(groups: list[int], block: int) -> None:
    vectors = np.zeros((len(groups), 8), np.float32)
    for row, group in enumerate(groups):
        vectors[row, group] = 1 + row
        vectors[row, 7] = 0.1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hits, "_BLOCK", block)
        assert _looked_like(vectors) == [groups.index(group) for group in groups]


def test_folding_grows_with_the_results_and_not_with_their_square(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared = 0

    class Counted(np.ndarray):
        """Counts the cosines that are reckoned of it."""

        def __matmul__(self, other: np.ndarray) -> np.ndarray:
            nonlocal compared
            compared += self.shape[0] * other.shape[1]
            return np.asarray(self) @ np.asarray(other)

    monkeypatch.setattr(hits, "MOST_HEADS", 64)
    monkeypatch.setattr(hits, "_BLOCK", 32)
    counts = []
    for rows in (500, 1_000, 2_000):
        compared = 0
        vectors = np.random.default_rng(rows).normal(size=(rows, 64)).astype(np.float32)
        assert _looked_like(vectors.view(Counted)) == list(range(rows))
        counts.append(compared)
    assert counts[2] - counts[1] <= 2.1 * (counts[1] - counts[0])
    # Beyond the last of them nothing is folded, and nothing goes wrong.
    assert _looked_like(np.eye(100, dtype=np.float32)[[*range(100), 99, 0]])[100:] == [99, 101]
