"""The peer's side: a script for the Python that has cc2dataset; it knows nothing of pairlake.

`extract` runs cc2dataset's own process_wat over local files. `job` runs the whole of cc2dataset
over a folder in Spark: only where the crawl lies is replaced, in the driver and in what it hands
to the workers; parsing, deduplicating and writing are cc2dataset's.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_PREFIX = "https://data.commoncrawl.org/"
_MEMORY_GB = 6


def extract(files: list[str], rows_file: str | None) -> dict[str, Any]:
    """CPU seconds and rows of process_wat over the files; writes the rows as Parquet if asked."""
    from cc2dataset.main import process_wat  # type: ignore[import-not-found]
    from loguru import logger  # type: ignore[import-not-found]

    logger.remove()
    before = time.process_time()
    rows = [row for file in files for row in process_wat(file, "image")]
    seconds = time.process_time() - before
    if rows_file:
        _write(rows, rows_file)
    return {"cpu_s": seconds, "rows": len(rows)}


def job(folder: str, out: str) -> dict[str, Any]:
    """Everything that cc2dataset does with the one crawl of the folder; rows as it wrote them."""
    from cc2dataset import main as peer  # type: ignore[import-not-found]
    from pyspark import SparkContext  # type: ignore[import-not-found]

    os.environ["PYSPARK_PYTHON"] = sys.executable
    process_wat = peer.process_wat

    def process_local(path: str, kind: str) -> Iterator[tuple[str, ...]]:
        return process_wat(path.replace(_PREFIX, f"{folder}/"), kind)  # type: ignore[no-any-return]

    # A function of this script is pickled by value, and so reaches the workers as it is here.
    peer.process_wat = process_local
    listings = [str(path) for path in Path(folder).glob("crawl-data/*/wat.paths.gz")]
    peer.get_cc_wat_links = lambda protocol: listings
    peer.cc2dataset(
        out,
        wat_index_count=None,
        wat_count=None,
        num_cores=os.cpu_count() or 1,
        mem_gb=_MEMORY_GB,
        shuffle=False,
        source_cc_protocol="http",
    )
    gateway = SparkContext._gateway
    SparkContext._active_spark_context.stop()
    gateway.shutdown()
    # The JVM ends with its standard input; only who is waited for is in this process's usage.
    gateway.proc.stdin.close()
    gateway.proc.wait(60)
    return {"rows": _rows(out)}


def _rows(out: str) -> int:
    import pyarrow.parquet as pq

    return sum(pq.read_metadata(file).num_rows for file in Path(out).glob("*/*.parquet"))


def _write(rows: list[tuple[str, ...]], file: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = ["uid", "url", "alt", "cc_filename", "page_url"]
    columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
    pq.write_table(pa.table(columns, names), file)


def main() -> None:
    """Do what the command line asks for, and print what came of it as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    extraction = commands.add_parser("extract")
    extraction.add_argument("files", nargs="+")
    extraction.add_argument("--rows", help="Parquet file to write the rows to.")
    whole = commands.add_parser("job")
    whole.add_argument("folder")
    whole.add_argument("out")
    asked = parser.parse_args()
    if asked.command == "extract":
        print(json.dumps(extract(asked.files, asked.rows)))
    else:
        print(json.dumps(job(asked.folder, asked.out)))


if __name__ == "__main__":
    main()
