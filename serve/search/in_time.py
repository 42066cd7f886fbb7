"""Bounds how long an answer may take, and how many are worked at: reading goes through here.

A thread cannot be ended from outside. So work asks now and then whether somebody still waits for
it (`check_wanted`), and hands on what can be ended (`ended_by`, `seconds_left`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from functools import partial
from threading import Lock
from typing import ParamSpec, TypeVar

import anyio

from pairlake.lake.errors import PairlakeError

LONGEST_S = 20.0
# Answers worked at; those that wait their turn use up their time.
AT_ONCE = 16
LOOK_EVERY_S = 0.05
_P = ParamSpec("_P")
_T = TypeVar("_T")


class TooSlow(PairlakeError):
    """An answer took longer than a visitor may ask for."""

    def __init__(self) -> None:
        super().__init__(
            f"This took longer than {LONGEST_S:g} s; ask for fewer results, filter otherwise, or "
            "try again: the first search waits for its model."
        )


class _Waiting:
    """Somebody who waits for an answer, until it is given up."""

    def __init__(self) -> None:
        self.until = time.monotonic() + LONGEST_S
        self._lock = Lock()
        self._given_up = False
        self._ends: list[Callable[[], None]] = []

    @property
    def is_given_up(self) -> bool:
        return self._given_up

    def give_up(self) -> None:
        with self._lock:
            self._given_up = True
            for end in self._ends:
                end()

    @contextmanager
    def ended_by(self, end: Callable[[], None]) -> Iterator[None]:
        with self._lock:
            self._ends.append(end)
        try:
            yield
        finally:
            with self._lock:
                self._ends.remove(end)


_waiting: ContextVar[_Waiting | None] = ContextVar("waiting", default=None)
_threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="answer")


async def in_time(work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """What `work` returns, called on one of AT_ONCE threads; TooSlow after LONGEST_S.

    Work that has not begun when its answer is given up never begins.
    """
    waiting = _Waiting()
    context = copy_context()
    context.run(_waiting.set, waiting)
    answer = _threads.submit(context.run, partial(work, *args, **kwargs))
    try:
        with anyio.move_on_after(LONGEST_S):
            return await asyncio.wrap_future(answer)
    finally:
        waiting.give_up()
    raise TooSlow


def check_wanted() -> None:
    """Raise TooSlow if the answer that this thread works at has been given up."""
    waiting = _waiting.get()
    if waiting is not None and waiting.is_given_up:
        raise TooSlow


def seconds_left() -> float:
    """How long somebody waits for the answer that this thread works at."""
    waiting = _waiting.get()
    return LONGEST_S if waiting is None else max(0.0, waiting.until - time.monotonic())


@contextmanager
def ended_by(end: Callable[[], None]) -> Iterator[None]:
    """Has `end` called, by another thread, if the answer is given up meanwhile."""
    waiting = _waiting.get()
    if waiting is None:
        yield
        return
    with waiting.ended_by(end):
        check_wanted()
        yield


@contextmanager
def turn(lock: Lock) -> Iterator[None]:
    """The lock, held; TooSlow if the answer is given up before it is this thread's turn."""
    while not lock.acquire(timeout=LOOK_EVERY_S):
        check_wanted()
    try:
        yield
    finally:
        lock.release()
