"""Runs have folders of their own, and those of runs that are gone go."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from pairlake.lake.settings import settings
from pairlake.lake.workspace import clear_workspaces, workspace


def _use(number: int) -> None:
    with workspace() as folder:
        (folder / "read").write_text(str(number))


def test_runs_that_begin_and_end_at_once_leave_each_other_alone() -> None:
    with ThreadPoolExecutor(8) as pool, workspace() as held:
        list(pool.map(_use, range(400)))
        assert held.exists()
        assert [*held.parent.glob("run-*")] == [held]


def test_what_was_killed_before_it_was_locked_goes() -> None:
    with workspace():
        pass
    left = settings().home / "tmp" / "crawl" / "run-left"
    left.mkdir()
    clear_workspaces()
    assert not left.exists()
