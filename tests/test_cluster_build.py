"""On a Ray cluster a build comes to the same rows as on one machine, whoever dies on the way."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

from pairlake.lake.catalog import connect
from pairlake.lake.maintain import tidy
from tests.models import landed

if find_spec("ray") is None:
    pytest.skip("Ray is not installed: pip install -e '.[ray]'", allow_module_level=True)

from tests.test_cluster import PATIENCE_S, TwoMachines, _until, two_machines

__all__ = ["two_machines"]

# Several buckets of a handful of rows, so that there are many moments at which to die.
LIMIT, MANY = "1GB", ("--vars", "bucket_bytes: 100000000")
ALL = ("build", "--full-refresh", *MANY, "--resource-type", "seed", "model")
MEASURED = ("build", "--full-refresh", *MANY, "--select", "int_pairs_scored", "int_pairs_measured")
# When it was built is in these.
_TIMES = ("built_at", "seen_at", "as_of", "downloaded_at", "fingerprint")
_TABLES = """
select schema_name || '.' || table_name as name, list(column_name order by column_index) as columns
from duckdb_columns()
inner join duckdb_tables() using (database_name, schema_name, table_name)
where database_name = 'lake' and schema_name in ('intermediate', 'marts')
group by all
"""

Contents = dict[str, list[tuple[object, ...]]]


@pytest.fixture
def at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small lake that has been built by one machine."""
    monkeypatch.setenv("PAIRLAKE_RECIPE", "demo")
    monkeypatch.setenv("PAIRLAKE_MEMORY_LIMIT", LIMIT)
    landed.land()
    process = _start(*ALL)
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, errors


def _start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "pairlake", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _contents() -> Contents:
    """All rows of all tables that dbt makes."""
    con = connect(read_only=True)
    found = {}
    for name, columns in con.execute(_TABLES).fetchall():
        listed = ", ".join(f'"{column}"' for column in columns if column not in _TIMES)
        found[name] = sorted(con.execute(f"select {listed} from lake.{name}").fetchall(), key=repr)
    con.close()
    assert found["marts.pairs"]
    return found


def _orphans() -> int:
    """Files of tables that the catalog does not know."""
    con = connect()
    call = "call ducklake_delete_orphaned_files('lake', cleanup_all => true, dry_run => true)"
    orphans = con.execute(call).fetchall()
    con.close()
    return len(orphans)


def _is_gone(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


@pytest.mark.slow
@pytest.mark.usefixtures("at_home")
def test_deaths_change_no_row_of_a_build(
    two_machines: TwoMachines, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = _contents()
    monkeypatch.setenv("PAIRLAKE_ENGINE", "ray")
    moments = random.Random(9)

    process, kills = _start(*ALL), 0
    while _until(process, two_machines, machine := moments.randrange(2)):
        time.sleep(moments.random())
        for victim in two_machines.at_work(machine)[: kills < 3]:
            victim.kill()
            kills += 1
        if kills == 3:
            break
    said, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, errors
    assert kills
    assert "buckets by Ray" in said
    assert _contents() == alone

    process = _start(*MEASURED)
    halted = two_machines.tree(1) if _until(process, two_machines, 1) else []
    for each in halted:
        each.suspend()
    try:
        while halted and two_machines.living() == 2:
            time.sleep(0.1)
        _, errors = process.communicate(timeout=PATIENCE_S)
    finally:
        for each in halted:
            each.resume()
    assert process.returncode == 0, errors
    assert halted, "the build ended before it could lose a machine"
    assert _contents() == alone
    # What the dead have left is nobody's, and goes; a machine that finds itself dead may write on.
    while not all(map(_is_gone, halted)):
        time.sleep(0.1)
    tidy(leave_no_trace=True)
    assert _orphans() == 0
    assert _contents() == alone
