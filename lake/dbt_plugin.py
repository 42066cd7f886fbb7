"""The door between dbt and the lake: the one place that knows both.

dbt's profile names `Plugin`, which dbt-duckdb calls before its first query. It takes the catalog's
lock for the whole of the dbt process, since ducklake does not retry a locked SQLite, and prepares
the connection as every other command does, so that plain `dbt build` works on a fresh clone.
`run_dbt` is how the commands call dbt in their own process.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.adapters.duckdb.plugins import BasePlugin
from dbt.adapters.factory import get_adapter_by_type
from dbt.cli.main import dbtRunner
from dbt.flags import get_flags
from dbt_common.events.base_types import EventMsg
from duckdb import DuckDBPyConnection

from pairlake.lake.buckets import Buckets
from pairlake.lake.built import landed_so_far, note, stamp, state
from pairlake.lake.catalog import locked, prepare
from pairlake.lake.errors import BadRequest, JobFailed, PairlakeError
from pairlake.lake.progress import bar
from pairlake.lake.project import RECIPES, project
from pairlake.lake.recipe import check_known, written
from pairlake.lake.settings import settings
from pairlake.lake.storage import is_remote

Progress = Callable[[str], object]

_HELD = ExitStack()


class Plugin(BasePlugin):
    """dbt-duckdb's hook: lock, extensions, attach, tables."""

    _landed, _snapshot = "null", "null"

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        """Called once, before dbt attaches what its profile names."""
        _HELD.close()
        try:
            _check_threads()
            _check_recipes()
            # Inlining costs a table of the catalog for each table that is made, and slows down all.
            prepare(conn, options=", data_inlining_row_limit 0")
            _HELD.enter_context(locked(settings()))
            self._landed = _as_map(landed_so_far(conn))
            query = "select id::varchar from ducklake_current_snapshot('lake')"
            ((self._snapshot,),) = conn.execute(query).fetchall()
            buckets = Buckets()
            buckets.register(conn)
            _HELD.callback(buckets.end)
        except PairlakeError as error:
            # What dbt-duckdb takes for a failure to connect; of others dbt prints the stack.
            raise RuntimeError(error.format_message()) from error

    def configure_cursor(self, cursor: DuckDBPyConnection) -> None:
        """Called for each of dbt's cursors: `published` says where a mart's Parquet copy goes.

        `landed` says what Python's tables held when dbt began, at the snapshot `landed_at`.
        """
        place = settings().published
        if not is_remote(place):
            # COPY makes the last folder of a path, but not those above it.
            Path(place).mkdir(parents=True, exist_ok=True)
        quoted = place.replace("'", "''")
        cursor.execute(f"set variable published = '{quoted}'")
        cursor.execute(f"set variable landed = {self._landed}")
        cursor.execute(f"set variable landed_at = {self._snapshot}")


def _as_map(texts: dict[str, str]) -> str:
    return "map {" + ", ".join(f"'{name}': '{text}'" for name, text in texts.items()) + "}"


def _check_threads() -> None:
    """Raise BadRequest where dbt has several threads.

    They would not see the relations that another has just made, nor SQLite take what they write.
    """
    config = get_adapter_by_type("duckdb").config  # type: ignore[no-untyped-call]
    # `dbt retry` tells the flags alone; those of `dbt debug` have no threads.
    flags = get_flags()  # type: ignore[no-untyped-call]
    threads = getattr(flags, "THREADS", None) or config.threads
    if threads > 1:
        raise BadRequest(
            f"A lake is built by one thread of dbt, and not by {threads}: leave out --threads, or "
            "put `threads: 1` back into profiles.yml; DuckDB uses all processors all the same."
        )


def _check_recipes() -> None:
    """Raise BadSetting where dbt's project has recipes in another form than its models read."""
    config = get_adapter_by_type("duckdb").config  # type: ignore[no-untyped-call]
    root = Path(config.project_root)
    if (root / RECIPES).is_file():
        written(root)


@dataclass(frozen=True, kw_only=True)
class Built:
    """What came of one dbt command: tables made or left alone, and those by a cluster's buckets."""

    made: int
    left_alone: int
    spread: int
    buckets: int

    def __str__(self) -> str:
        text = f"{self.made:,} tables made, {self.left_alone:,} as they were"
        if self.spread:
            text += f"; {self.spread:,} in {self.buckets:,} buckets by Ray"
        return text


def run_dbt(*arguments: str, progress: Progress = lambda line: None) -> Built:
    """Run one dbt command on the lake, quietly; its logs go to HOME/dbt.

    `progress` hears of each model as it begins. The lock is held while dbt runs, no longer. Raises
    BadSetting if the recipe is not one of the seed's, JobFailed with the first failures by name.
    """
    check_known()
    folder = settings().home / "dbt"
    runner = dbtRunner(callbacks=[_Watch(progress).hear])
    where = ["--project-dir", str(project()), "--profiles-dir", str(project())]
    paths = ["--target-path", str(folder / "target"), "--log-path", str(folder / "logs")]
    command_line = sys.argv
    # dbt logs it, and what `pairlake forget` is told to forget must leave no trace.
    sys.argv = ["dbt", *arguments]
    try:
        # What went wrong is said below; by itself dbt shows the stack of a Ctrl-C, quiet or not.
        levels = ["--log-level", "none", "--log-level-file", "debug"]
        result = runner.invoke([*levels, *arguments, *where, *paths])
    finally:
        sys.argv = command_line
        DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
        _HELD.close()
    nodes = getattr(result.result, "results", [])
    if result.success:
        return _built(nodes)
    if isinstance(result.exception, KeyboardInterrupt):
        raise KeyboardInterrupt
    if result.exception is not None:
        raise JobFailed(f"dbt {arguments[0]} failed: {result.exception}")
    failed = [node for node in nodes if node.status in ("error", "fail", "runtime error")]
    first = "; ".join(f"{r.node.name}: {(r.message or '').strip()}" for r in failed[:3])
    raise JobFailed(
        f"dbt {arguments[0]} failed at {len(failed)} places: {first}. See {folder / 'logs'}."
    )


def _built(nodes: list[Any]) -> Built:
    # As macros/table.sql and macros/workers.sql answer.
    told = [
        (node.adapter_response.get("code"), node.adapter_response.get("rows_affected"))
        for node in nodes
        if node.node.resource_type == "model" and node.node.config.materialized != "view"
    ]
    buckets = [count for code, count in told if code == "BUCKETS"]
    left_alone = sum(code == "UNCHANGED" for code, _ in told)
    return Built(
        made=len(told) - left_alone,
        left_alone=left_alone,
        spread=len(buckets),
        buckets=sum(buckets),
    )


class _Watch:
    """Makes a progress bar of what dbt tells."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._started = progress, time.monotonic()

    def hear(self, event: EventMsg) -> None:
        """Called by dbt for everything that it logs."""
        if event.info.name == "LogStartLine":
            # That of seeds, models, tests and snapshots alike.
            done, total = event.data.index - 1, event.data.total
            name = event.data.description.rpartition(" ")[2].rpartition(".")[2]
            self._progress(
                bar(done, total, self._started, prefix="build", unit=" models", postfix=name)
            )


def build_worklists(*, progress: Progress = lambda line: None) -> None:
    """Build what the jobs read, over the pairs that have landed; the marts stay as they are."""
    stamp().unlink(missing_ok=True)
    others = ("marts", "resource_type:test", "resource_type:unit_test")
    run_dbt("build", "--exclude", *others, progress=progress)


def build_dataset(
    *arguments: str, anew: bool = False, progress: Progress = lambda line: None
) -> Built:
    """Build what has changed and test the data, as `dbt build` does with such arguments.

    `anew`: all of it, as it must be when what tables took in has been erased.
    """
    stamp().unlink(missing_ok=True)
    if anew:
        arguments = ("--full-refresh", *arguments)
    # What lands while dbt runs may not be in it.
    before = state()
    built = run_dbt("build", *arguments, progress=progress)
    if set(arguments) <= {"--full-refresh"}:
        note("built", before)
    return built
