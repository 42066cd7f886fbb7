"""Processes that land pairs of their own, a few to a commit, and can be run again when they died.

`python -m tests.lake.writers NUMBER` is one of them.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO

from pairlake.lake.catalog import rows
from pairlake.lake.failures import explained_failures
from tests.marts import MARTS
from tests.models import landed
from tests.models.landed import CASES, CRAWL, Case

WRITERS = 3
# The marts that are compared, and all that they are made of; their rules have tests of their own.
MODELS_ALONE = (
    *("--select", *(f"+{mart}" for mart in MARTS)),
    *("--exclude", "resource_type:test", "resource_type:unit_test"),
)
FILES_OF = 2  # pairs in a crawl file, of which the second is the first of the next
FOUND_AT_ONCE = 4


def cases(number: int) -> list[Case]:
    """The cases of one writer; with its number in their captions, none is another's."""
    return [
        replace(
            case,
            caption=f"{case.caption} of {number}",
            picture=f"{case.picture or case.caption} of {number}",
            url=f"{case.url}?{number}" if case.url else "",
        )
        for case in CASES
        if case.drop_reason != "caption_too_short"
    ]


def land(number: int) -> Iterator[str]:
    """Land what is left of a writer's cases; gives a line for each commit."""
    mine = cases(number)
    done = {path for (path,) in rows("select path from lake.raw.crawl_files")}
    for place in range(len(mine)):
        path = f"{number}/{place}.wat"
        if path not in done:
            landed.land_file(tuple(mine[place : place + FILES_OF]), CRAWL, path)
            yield path
    # What a job found lands again if it dies; staging makes one of it.
    for place in range(0, len(mine), FOUND_AT_ONCE):
        landed.land_found(*mine[place : place + FOUND_AT_ONCE])
        yield f"found {place}"


def digests(folder: Path) -> dict[str, str]:
    """The sha256 of every file below a folder, by its place."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


@contextmanager
def _writer(number: int) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """A process that lands, and what it says: a line for each commit."""
    command = [sys.executable, "-m", "tests.lake.writers", str(number)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        yield process, process.stdout
        process.kill()


@contextmanager
def all_writers() -> Iterator[list[tuple[subprocess.Popen[str], IO[str]]]]:
    """All of them at once."""
    with ExitStack() as stack:
        yield [stack.enter_context(_writer(number)) for number in range(WRITERS)]


if __name__ == "__main__":
    with explained_failures():
        for line in land(int(sys.argv[1])):
            print(line, flush=True)
