"""Reads one crawl file, as a process of `pairlake crawl` does, into its row and its pairs."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import duckdb

from pairlake.ingest.crawl.file import read_crawl_file
from pairlake.ingest.crawl.reading import CrawlFile

# What may come of a file that is there, whatever is in it.
OUTCOMES = {"ok", "damaged", "truncated", "unreadable"}

Rows = list[dict[str, Any]]


def read(location: Path | str) -> tuple[CrawlFile, Rows]:
    """The row of a crawl file, and its pairs, whose counts agree."""
    with tempfile.TemporaryDirectory() as folder:
        reading = read_crawl_file(
            str(location), crawl_id="CC-TEST", path="x.warc.wat.gz", folder=Path(folder)
        )
        files = [str(part) for part in reading.tables.get("raw.image_text_pairs", [])]
        rows: Rows = []
        if files:
            with duckdb.connect() as con:
                con.execute("set arrow_lossless_conversion = true")
                rows = con.read_parquet(files).to_arrow_table().to_pylist()
    assert len(rows) == reading.file.pairs
    assert sum(row["occurrences"] for row in rows) == reading.file.sightings
    return reading.file, rows


def counts(file: CrawlFile) -> tuple[int, ...]:
    return (file.records, file.unreadable_records, file.links, file.images)
