"""Lands a list and says what it brought; writes lists in the forms that they come in."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pairlake.ingest.crawl.lists.layout import Columns
from pairlake.ingest.crawl.lists.read import read_list
from pairlake.ingest.crawl.reading import CrawlFile


@dataclass
class Landed:
    """What a list brought: its counts, its pairs, and the scores by URL, caption and name."""

    counts: CrawlFile
    pairs: list[dict[str, Any]]
    scores: dict[tuple[str, str, str], float]
    types: dict[str, dict[str, str]]

    @property
    def texts(self) -> list[tuple[str, str]]:
        return sorted((pair["image_url"], pair["caption"]) for pair in self.pairs)


def land(location: Path | str, kind: str, folder: Path, columns: Columns | None = None) -> Landed:
    counts = CrawlFile(crawl_id="list", path="the/list")
    files = read_list(
        str(location),
        kind,
        crawl_id="list",
        path="the/list",
        columns=columns or Columns(),
        folder=folder,
        counts=counts,
    )
    written = {str(file) for paths in files.values() for file in paths}
    assert {str(file) for file in folder.iterdir()} == written
    rows: dict[str, list[dict[str, Any]]] = {}
    types: dict[str, dict[str, str]] = {}
    with duckdb.connect() as con:
        con.execute("set arrow_lossless_conversion = true")
        for table, paths in files.items():
            rows[table] = []
            for path in paths:
                relation = con.from_parquet(str(path), hive_partitioning=False)
                types[table] = dict(zip(relation.columns, map(str, relation.types), strict=True))
                rows[table] += relation.to_arrow_table().to_pylist()
    pairs, scores = rows["raw.image_text_pairs"], rows["raw.list_scores"]
    texts = {str(pair["pair_id"]): (pair["image_url"], pair["caption"]) for pair in pairs}
    assert len(texts) == len(pairs) == counts.pairs
    assert sum(pair["occurrences"] for pair in pairs) == counts.sightings
    assert {score["source"] for score in scores} <= {"list"}
    by_name = {(*texts[str(row["pair_id"])], row["name"]): row["value"] for row in scores}
    assert len(by_name) == len(scores)
    return Landed(counts, pairs, by_name, types)


Rows = Sequence[Mapping[str, Any]]


def parquet(rows: Rows) -> bytes:
    target = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows]), target)
    return target.getvalue()


def separated(rows: Rows, delimiter: str = ",") -> bytes:
    target = io.StringIO(newline="")
    writer = csv.DictWriter(target, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return target.getvalue().encode()


def jsonl(rows: Rows) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)
