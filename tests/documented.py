"""The commands, queries and programs that README and docs/ show, and a shell to run them in."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pairlake.lake.project import ROOT
from tests.ingest.drawn import JPEG
from tests.ingest.wats import response

PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))

# What is marked so wants a network, a GPU or many machines' programs, and runs in no test.
NETWORK = "wants a network"
# What begins so does not run with the others; a test of its own runs it.
ELSEWHERE = {
    r"git clone|pip install|img2dataset|clip-retrieval|accelerate|mkdir tars": NETWORK,
    r"pairlake run --crawl CC-MAIN|dbt docs serve": NETWORK,
    r"pairlake models --fetch": (
        "tests/udfs/test_downloading.py::"
        "test_all_that_the_recipe_wants_comes_and_what_fails_costs_no_other"
    ),
    r"make demo|eval": "tests/test_demo.py::test_the_readme_shows_what_the_demo_prints",
    r"duckdb": "tests/test_demo.py::test_duckdbs_own_shell_reads_the_lake_in_the_readmes_two_lines",
    r"python$": ("tests/serve/export/test_lists.py::test_img2dataset_reads_every_caption_as_it_is"),
    r"python (-m |-c .*)open_clip_train|torchrun": (
        "tests/serve/export/test_training.py::test_open_clips_own_program_learns_from_the_shards"
    ),
    r"python resharder": (
        "tests/serve/export/test_datacomp.py::test_a_subset_cuts_the_shards_of_another_export"
    ),
    r"createdb|export (PAIRLAKE_CATALOG|PGPASSWORD)": (
        "tests/lake/test_postgres.py::test_writers_and_dbt_work_at_once"
    ),
    r"export (PAIRLAKE_DATA|AWS_)": "tests/test_s3.py::test_it_holds_all_and_forgets_all",
    r"ray start|export (RAY_ADDRESS|PAIRLAKE_ENGINE)": (
        "tests/test_cluster.py::test_deaths_change_no_mart"
    ),
    r"(PAIRLAKE_ORIGINS=\S+ )?pairlake serve": (
        "tests/serve/web/test_app.py::test_serving_ends_cleanly_when_interrupted"
    ),
    r"pairlake restore cat": (
        "tests/lake/test_restore.py::test_every_backup_can_be_put_back_and_what_was_there_before"
    ),
    r"pairlake export again": (
        "tests/serve/export/test_snapshots.py::test_the_same_snapshot_gives_the_same_bytes"
    ),
    r"\.venv/bin/python -m tests\.lakes\.freeze": (
        "tests/lakes/test_frozen.py::test_going_on_in_an_earlier_lake_is_building_it_anew"
    ),
}


def commands() -> list[str]:
    """Each command that a page shows for a shell, once."""
    # plan prints a line that begins with a dollar, too.
    lines = "\n".join(page.read_text() for page in PAGES).splitlines()
    found: dict[str, None] = {}
    for number, line in enumerate(lines):
        if begins := re.match(r" *\$ (?!at \d)(.+)", line):
            command = begins[1]
            # It goes on behind a backslash, and within a quote that is open.
            for more in lines[number + 1 :]:
                if not command.endswith("\\") and command.count("'") % 2 == 0:
                    break
                command = command.removesuffix("\\") + more.strip()
            found[re.sub(r"\s+# .*", "", command)] = None
    return list(found)


def to_run() -> list[str]:
    """The commands that a lake and a server will do for; those that change the recipe last.

    And of these last what dbt alone does, since no job works on a lake of another recipe.
    """
    here = [command for command in commands() if not _runs_elsewhere(command)]
    return sorted(
        here, key=lambda command: ("recipe: " in command) * (1 + command.startswith("dbt"))
    )


def _runs_elsewhere(command: str) -> bool:
    return any(re.match(beginning, command) for beginning in ELSEWHERE)


def queries() -> list[str]:
    """Each query that a page gives to `pairlake sql`."""
    given = [re.match(r'pairlake sql "([^"]+)"', command) for command in commands()]
    return [found[1] for found in given if found]


def programs() -> list[str]:
    """Each program in Python on the page of SQL."""
    page = (ROOT / "docs" / "sql.md").read_text()
    return re.findall(r"^```python\n(.+?)^```", page, re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Shell:
    """Runs commands in a folder that has the files which the pages name, beside a server."""

    folder: Path
    variables: Mapping[str, str]
    server: str

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """What came of one command, asked of the server that is open here."""
        command = command.replace("http://127.0.0.1:8000", self.server)
        return subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            cwd=self.folder,
            env=self.variables,
            capture_output=True,
            text=True,
            check=False,
        )


@contextmanager
def shell(folder: Path, settings: Mapping[str, str]) -> Iterator[Shell]:
    """A shell with these settings, and with `pairlake serve` under the same while it is open."""
    _lay_out(folder)
    paths = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    checkout = dict.fromkeys(("DBT_PROJECT_DIR", "DBT_PROFILES_DIR"), str(ROOT))
    variables = os.environ | settings | checkout | {"PATH": paths}
    command = [sys.executable, "-m", "pairlake", "serve", "--port", "0"]
    with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            told = next(line for line in process.stdout if "http://" in line)
            found = re.search(r"http://[\d.:]+", told)
            assert found is not None
            yield Shell(folder=folder, variables=variables, server=found[0])
        finally:
            process.terminate()


def _lay_out(folder: Path) -> None:
    """What the pages take for granted: a list, an archive, pictures, a file of requests."""
    for name in ("laion2B-en", "archive"):
        (folder / name).mkdir()
    listed = {"URL": ["http://127.0.0.1:1/1.jpg"], "TEXT": ["a pair of a list"]}
    pq.write_table(pa.table(listed | {"similarity": [0.31]}), folder / "laion2B-en" / "1.parquet")
    page = b'<img src="/1.jpg" alt="a pair of an archive">'
    (folder / "archive" / "1.warc.gz").write_bytes(response(page, "http://127.0.0.1:1/"))
    for name in ("shards", "out", "pictures"):
        (folder / name).mkdir()
        (folder / name / "1.jpg").write_bytes(JPEG)
        (folder / name / "1.txt").write_text(f"a picture of {name}")
    with tarfile.open(folder / "shards" / "00000.tar", "w") as tar:
        for file in ("1.jpg", "1.txt"):
            tar.add(folder / "shards" / file, file)
    (folder / "requests.csv").write_text("kind,value\nurl,http://127.0.0.1:1/1.jpg\n")
