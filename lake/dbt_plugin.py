"""The door between dbt and the lake: the one place that knows both.

dbt's profile names `Plugin`, which dbt-duckdb calls before its first query. It takes the catalog's
lock for the whole of the dbt process, since ducklake does not retry a locked SQLite, and prepares
the connection as every other command does, so that plain `dbt build` works on a fresh clone.
`run_dbt` is how the commands call dbt in their own process.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import duckdb
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.adapters.duckdb.plugins import BasePlugin
from dbt.adapters.factory import get_adapter_by_type
from dbt.cli.main import dbtRunner
from dbt.flags import get_flags
from dbt_common.events.base_types import EventMsg
from duckdb import DuckDBPyConnection

from pairlake.lake.catalog import locked, prepare, rows
from pairlake.lake.errors import BadRequest, JobFailed, PairlakeError
from pairlake.lake.identity import METADATA
from pairlake.lake.progress import bar
from pairlake.lake.project import RECIPES, project
from pairlake.lake.recipe import check_known, written
from pairlake.lake.settings import settings
from pairlake.lake.storage import is_remote

Progress = Callable[[str], object]

_HELD = ExitStack()
# How many rows each of Python's tables has ever had, which no upkeep of files changes.
_COUNTED = f"""
select
    schemas.schema_name || '.' || tables.table_name,
    tables.table_id,
    coalesce(stats.next_row_id, 0)
from {METADATA}ducklake_table as tables
inner join {METADATA}ducklake_schema as schemas on tables.schema_id = schemas.schema_id
left join {METADATA}ducklake_table_stats as stats on tables.table_id = stats.table_id
where tables.end_snapshot is null and schemas.schema_name in ('raw', 'enriched')
order by all
"""
# They test the rules, not the data: `make test` and plain `dbt build` run them.
_NO_UNIT_TESTS = ("--exclude-resource-type", "unit_test")


class Plugin(BasePlugin):
    """dbt-duckdb's hook: lock, extensions, attach, tables."""

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        """Called once, before dbt attaches what its profile names."""
        _HELD.close()
        try:
            _check_threads()
            _check_recipes()
            # Inlining costs a table of the catalog for each table that is made, and slows down all.
            prepare(conn, options=", data_inlining_row_limit 0")
            _HELD.enter_context(locked(settings()))
        except PairlakeError as error:
            # What dbt-duckdb takes for a failure to connect; of others dbt prints the stack.
            raise RuntimeError(error.format_message()) from error

    def configure_cursor(self, cursor: DuckDBPyConnection) -> None:
        """Called for each of dbt's cursors: `published` says where a mart's Parquet copy goes."""
        place = settings().published
        if not is_remote(place):
            # COPY makes the last folder of a path, but not those above it.
            Path(place).mkdir(parents=True, exist_ok=True)
        quoted = place.replace("'", "''")
        cursor.execute(f"set variable published = '{quoted}'")


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


def run_dbt(*arguments: str, progress: Progress = lambda line: None) -> None:
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
    if result.success:
        return
    if isinstance(result.exception, KeyboardInterrupt):
        raise KeyboardInterrupt
    if result.exception is not None:
        raise JobFailed(f"dbt {arguments[0]} failed: {result.exception}")
    nodes = getattr(result.result, "results", [])
    failed = [node for node in nodes if node.status in ("error", "fail", "runtime error")]
    first = "; ".join(f"{r.node.name}: {(r.message or '').strip()}" for r in failed[:3])
    raise JobFailed(
        f"dbt {arguments[0]} failed at {len(failed)} places: {first}. See {folder / 'logs'}."
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
    _stamp().unlink(missing_ok=True)
    run_dbt("build", "--exclude", "marts", "resource_type:test", *_NO_UNIT_TESTS, progress=progress)


def build_dataset(*, anew: bool = False, progress: Progress = lambda line: None) -> None:
    """Build everything and test the data; what `dbt build` does but for the unit tests of rules.

    `anew`: incremental tables too, as they must be when what they took in has been erased.
    """
    _stamp().unlink(missing_ok=True)
    # What lands while dbt runs may not be in it.
    before = _state()
    run_dbt("build", *_NO_UNIT_TESTS, *(["--full-refresh"] if anew else []), progress=progress)
    _stamp().write_text(before)


def dataset_is_current() -> bool:
    """Whether the dataset was built of all that the lake holds now, by the models as they are now.

    It goes by what the catalog has counted and the files hold, and not by any clock. On Postgres
    nobody can say: another machine may have built it by models of its own.
    """
    if settings().on_postgres:
        return False
    if not _stamp().exists() or _stamp().read_text() != _state():
        return False
    try:
        recipes = rows(
            "select distinct recipe from lake.intermediate.int_pairs_judged", read_only=True
        )
    except duckdb.CatalogException:
        return False  # the stamp outlived its lake
    return recipes in ([], [(settings().recipe,)])


def _state() -> str:
    """What a dataset is made of: the recipe, the models, and the rows of Python's tables so far."""
    at_work, models = project(), hashlib.sha256()
    for file in sorted(
        path for name in ("dbt_project.yml", "models", "macros") for path in _below(at_work / name)
    ):
        models.update(f"{file.relative_to(at_work)} ".encode() + file.read_bytes())
    counted = rows(_COUNTED, read_only=True)
    landed = {name: [table, count] for name, table, count in counted}
    return json.dumps({"recipe": settings().recipe, "models": models.hexdigest(), "landed": landed})


def _below(path: Path) -> list[Path]:
    """The files of a folder, or the one that it is."""
    return [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]


def _stamp() -> Path:
    """Written when a whole build went well, with what it was of. Lost, it costs one build."""
    return settings().home / "dbt" / "built"
