"""Reads a ready-made list of URLs and captions into pairs and scores, all verbatim.

However large the list is, no more than a bounded part of it is in memory.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from duckdb.func import PythonUDFType
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from pairlake.ingest.crawl.captions import former_captions_of_any, is_plain_caption
from pairlake.ingest.crawl.lists.layout import Columns, NotAList
from pairlake.ingest.crawl.lists.parquet import transcribe_parquet
from pairlake.ingest.crawl.lists.rows import is_list
from pairlake.ingest.crawl.lists.text import transcribe_text
from pairlake.ingest.crawl.reading import CrawlFile
from pairlake.ingest.crawl.stream import opened
from pairlake.ingest.urls import MAX_URL_CHARS
from pairlake.lake.errors import first_line
from pairlake.lake.raw_tables import SIGHTING
from pairlake.lake.tombstones import FORMER_CAPTION_ID

# Longer ones are texts, not captions.
MAX_CAPTION_CHARS = 20_000
# Distinct pairs are found among about so many rows at a time, or more in a list beyond 16 million:
# each bucket has a file open while rows are dealt out, and DuckDB can group more than fits.
ROWS_AT_ONCE = 250_000
_MAX_BUCKETS = 64
# Usual lists take a tenth of it; the rest is for those with huge pages or very long captions.
_MEMORY = "1GB"
_COPY_BYTES = 2**20

_MACROS = (
    f"create temp macro is_url(text) as length(text) <= {MAX_URL_CHARS} and "
    r"regexp_full_match(text, '(?i:https?)://[^\x00-\x20\x7f/?#][^\x00-\x20\x7f]*')",
    # As lake/passwords.py has it, of what is a URL.
    r"create temp macro has_login(text) as regexp_matches(text, '^[^/]*//[^/?#\\]+@')",
    r"create temp macro without_login(text) as "
    r"regexp_replace(text, '^([^/]*//)[^/?#\\]*@', '\1')",
    # Of a picture that came without a URL (ingest/crawl/captioned/beside.py).
    "create temp macro is_urn(text) as regexp_full_match(text, 'urn:sha256:[0-9a-f]{64}')",
    "create temp macro is_image_url(text) as "
    "(is_url(text) and not has_login(text)) or is_urn(text)",
    f"create temp macro is_caption(text) as length(text) <= {MAX_CAPTION_CHARS} "
    r"and regexp_matches(text, '[^\s\pZ\p{Cc}\p{Cf}]')",
    "create temp macro pixels(size) as "
    "case when size between 1 and 999999 and size = trunc(size) then size::integer end",
)
_SPOOL = f"""
copy (
    from list_rows
    select
        row_number,
        md5(image_url || chr(31) || caption)::uuid as pair_id,
        hash(pair_id) % $buckets as bucket,
        image_url,
        caption,
        source_id,
        [{{
            page_url: case when is_url(page_url) then without_login(page_url) end,
            license_url: case when is_url(license_url) then without_login(license_url) end,
            record_offset: row_number,
            width_hint: pixels(width),
            height_hint: pixels(height)
        }}]::{SIGHTING} as sightings,
        scores
    where is_image_url(image_url) and is_caption(caption)
) to $spool (format parquet, partition_by (bucket), row_group_size 8192, row_group_size_bytes '1MB')
"""
_NONE_READ = (
    "None of its {rows} rows can be read; see that its text is UTF-8, and that each row has the "
    "columns of the first."
)
_ROWS_WITH_PAIR = """
from list_rows
select count(distinct row_number)
where is_image_url(image_url) and is_caption(caption)
"""
_ROWS_WITH_LOGIN = """
from list_rows
select count(distinct row_number)
where
    contains(image_url, '@')
    and has_login(image_url)
    and is_url(image_url)
    and is_caption(caption)
"""
# Not first() of each column: those states cannot leave the memory.
_FIRSTS = """
create or replace temp table first_rows as
    from read_parquet($part, hive_partitioning = false)
    select pair_id, min(row_number) as row_number, count(*)::integer as occurrences
    group by pair_id
"""
_PAIRS = f"""
copy (
    from read_parquet($part, hive_partitioning = false)
    inner join first_rows using (pair_id, row_number)
    select
        pair_id,
        md5(image_url)::uuid as url_id,
        md5(caption)::uuid as caption_id,
        md5(
            case when {is_plain_caption("caption")} then caption else former_caption(caption) end
        )::uuid as {FORMER_CAPTION_ID},
        $crawl_id as crawl_id,
        $path as path,
        image_url,
        caption,
        sightings,
        occurrences,
        source_id
) to $target (format parquet, row_group_size_bytes '16MB')
"""
_SCORES = """
copy (
    from (
        from read_parquet($part, hive_partitioning = false)
        inner join first_rows using (pair_id, row_number)
        select pair_id, unnest($names) as name, unnest(scores) as value
    )
    select pair_id, $crawl_id as source, name, value
    where isfinite(value)
) to $target (format parquet, row_group_size_bytes '16MB')
"""


def read_list(
    location: str,
    kind: str,
    *,
    crawl_id: str,
    path: str,
    columns: Columns,
    folder: Path,
    counts: CrawlFile,
) -> dict[str, list[Path]]:
    """The Parquet files in `folder` with what the list at `location` brings, by table.

    One row per distinct URL and caption, with id, scores and sighting of its first row; rows
    that cannot be pairs are left out. A list that is not on disk is copied there first. Counts
    into `counts`. Raises NotAList, or what the network raises.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder) as scratch, _connect(Path(scratch)) as con:
        spool = Path(scratch) / "spool"
        file = on_disk(location, Path(scratch))
        counts.bytes, counts.is_list = file.stat().st_size, True
        try:
            scores = _spool(file, kind, columns, spool, con, counts)
        except duckdb.Error as error:
            raise NotAList(f"The list cannot be read: {first_line(error)}") from error
        return _group(spool, scores, {"crawl_id": crawl_id, "path": path}, folder, con, counts)


def _connect(scratch: Path) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(
        ":memory:",
        config={
            "threads": 1,
            "memory_limit": _MEMORY,
            "temp_directory": str(scratch / "tmp"),
            "preserve_insertion_order": False,
            "enable_external_file_cache": False,
            "disabled_optimizers": "build_side_probe_side,join_order",
            "partitioned_write_flush_threshold": 20_000,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    con.execute("set enable_progress_bar = false")
    # To know a caption that was forgotten; all others land word for word.
    con.create_function(
        "former_caption",
        _former,
        ["VARCHAR"],
        "VARCHAR",
        type=PythonUDFType.ARROW,
    )
    for macro in _MACROS:
        con.execute(macro)
    return con


def _former(captions: pa.ChunkedArray) -> pa.Array:
    return former_captions_of_any(pl.Series(captions)).to_arrow()


def on_disk(location: str, scratch: Path) -> Path:
    """A file under a name of ours, which DuckDB cannot take for a pattern."""
    file = scratch / "list"
    filesystem, name = url_to_fs(location)
    if isinstance(filesystem, LocalFileSystem):
        file.symlink_to(Path(name).absolute())
        return file
    with opened(location) as stream, file.open("wb") as copy:
        shutil.copyfileobj(stream, copy, _COPY_BYTES)
    return file


def _spool(
    file: Path,
    kind: str,
    columns: Columns,
    spool: Path,
    con: duckdb.DuckDBPyConnection,
    counts: CrawlFile,
) -> list[str]:
    """Deal the rows that are pairs out to `spool`, by bucket; returns the names of their scores."""
    rows = file.with_name("rows.parquet")
    if kind == "parquet":
        layout = transcribe_parquet(file, columns, rows, counts)
    else:
        layout = transcribe_text(file, kind, columns, rows, counts)
    if 0 < counts.records == counts.unreadable_records:
        raise NotAList(counts.error or _NONE_READ.format(rows=counts.records))
    con.from_parquet(str(rows)).create_view("source_rows")
    con.execute(_list_rows(pq.read_schema(rows)))
    buckets = min(counts.records // ROWS_AT_ONCE + 1, _MAX_BUCKETS)
    (counts.sightings,) = _row(_SPOOL, con, spool=str(spool), buckets=buckets)
    (counts.with_login,) = _row(_ROWS_WITH_LOGIN, con)
    _count_others(counts, pq.read_schema(rows), con)
    return list(layout.scores)


def _count_others(counts: CrawlFile, schema: pa.Schema, con: duckdb.DuckDBPyConnection) -> None:
    """Count the rows that could be read, and have no URL or no caption of use."""
    with_pair = counts.sightings
    if is_list(schema.field("caption").type):
        (with_pair,) = _row(_ROWS_WITH_PAIR, con)
    others = counts.records - counts.unreadable_records - with_pair
    if others > 0:
        counts.other_records["no pair"] = others


def _list_rows(schema: pa.Schema) -> str:
    """A view of a list's rows under the names that _SPOOL knows, of a list of captions each."""

    def column(name: str, type_: str = "varchar") -> str:
        return f"try_cast({name} as {type_})" if name in schema.names else f"null::{type_}"

    scores = [name for name in schema.names if name.startswith("score_")]
    several = is_list(schema.field("caption").type)
    return f"""
create temp view list_rows as
    from source_rows
    select
        row_number,
        trim(url::varchar, e' \\t\\r\\n') as image_url,
        {"unnest(list_distinct(caption))" if several else "caption"} as caption,
        nullif({column("source_id")}, '') as source_id,
        {column("page_url")} as page_url,
        {column("license_url")} as license_url,
        {column("width", "double")} as width,
        {column("height", "double")} as height,
        [{", ".join(column(name, "double") for name in scores)}]::double[] as scores
"""


def _group(
    spool: Path,
    scores: list[str],
    names: dict[str, str],
    folder: Path,
    con: duckdb.DuckDBPyConnection,
    counts: CrawlFile,
) -> dict[str, list[Path]]:
    """Make distinct pairs of each bucket; equal ones are in the same."""
    tables: dict[str, list[Path]] = {"raw.image_text_pairs": [], "raw.list_scores": []}
    for number, bucket in enumerate(sorted(spool.glob("bucket=*"))):
        part = [str(file) for file in sorted(bucket.iterdir())]
        con.execute(_FIRSTS, {"part": part})
        pairs = folder / f"pairs-{number}.parquet"
        (landed,) = _row(_PAIRS, con, part=part, target=str(pairs), **names)
        counts.pairs += landed
        tables["raw.image_text_pairs"].append(pairs)
        if scores:
            target = folder / f"scores-{number}.parquet"
            values = {"crawl_id": names["crawl_id"], "names": scores}
            con.execute(_SCORES, {"part": part, "target": str(target), **values})
            tables["raw.list_scores"].append(target)
        shutil.rmtree(bucket)
    return tables


def _row(query: str, con: duckdb.DuckDBPyConnection, **values: object) -> tuple[int, ...]:
    row: tuple[int, ...] | None = con.execute(query, values or None).fetchone()
    return row or ()
