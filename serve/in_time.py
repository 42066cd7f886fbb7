"""Bounds how long an answer may take: what reads the index or the lake goes through here."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

import anyio
from anyio import to_thread

from lake.errors import PairlakeError

LONGEST_S = 20.0
_P = ParamSpec("_P")
_T = TypeVar("_T")


class TooSlow(PairlakeError):
    """An answer took longer than a visitor may ask for."""


async def in_time(work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """What `work` returns, called on a thread; TooSlow after LONGEST_S.

    A thread cannot be ended: it goes on for nobody until it has its answer.
    """
    try:
        with anyio.fail_after(LONGEST_S):
            return await to_thread.run_sync(partial(work, *args, **kwargs), abandon_on_cancel=True)
    except TimeoutError as error:
        raise TooSlow(
            f"This took longer than {LONGEST_S:g} s; ask for fewer results, filter otherwise, or "
            "try again: the first search waits for its model."
        ) from error
