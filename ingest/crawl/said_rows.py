"""Gathers what the pages of one crawl file say, on disk, as the rows that land of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pairlake.ingest.crawl.pages import Page, Said
from pairlake.lake.keys import text_ids

PAGES, LICENSES = "raw.pages", "raw.image_licenses"

_TIME = pa.timestamp("us")
WISH = pa.struct(dict.fromkeys(("property", "value", "evidence"), pa.string()))
_FILE = {"crawl_id": pa.string(), "path": pa.string()}
_SCHEMAS = {
    PAGES: pa.schema(
        {
            "page_id": pa.uuid(),
            "page_url": pa.string(),
            **_FILE,
            "record_offset": pa.int64(),
            "language": pa.string(),
            "license_url": pa.string(),
            "rsl_url": pa.string(),
            "wishes": pa.list_(WISH),
            "heard_at": _TIME,
        }
    ),
    LICENSES: pa.schema(
        {
            "page_id": pa.uuid(),
            "url_id": pa.uuid(),
            **_FILE,
            **dict.fromkeys(("license_url", "creator", "credit", "copyright"), pa.string()),
            "heard_at": _TIME,
        }
    ),
}
_KEYS = {PAGES: ["page_id"], LICENSES: ["page_id", "url_id"]}
_ROWS_AT_ONCE = 10_000

# What waits of a page: its URL, where its record begins, and what it says.
_Row = tuple[str, int, Said]


class SaidRows:
    """What the pages of one crawl file say of which anything landed, in files of `folder`."""

    def __init__(self, folder: Path, *, crawl_id: str, path: str) -> None:
        self._file = (crawl_id, path)
        self._files = {PAGES: folder / "said.parquet", LICENSES: folder / "licenses.parquet"}
        self._writers: dict[str, pq.ParquetWriter] = {}
        self._waiting: list[_Row] = []

    def add(self, page: Page, offset: int) -> int:
        """Keep what a page says in mind, until it is known what landed; how many characters."""
        if page.page_url is None or page.said is None:
            return 0
        self._waiting.append((page.page_url, offset, page.said))
        size = sum([len(wish.evidence) for wish in page.said.wishes])
        for each in page.said.image_licenses:
            size += sum(len(text or "") for text in each)
        return size

    def flush(self, landed: Collection[str]) -> None:
        """Write what the waiting pages say, but for those of which no sighting landed."""
        rows = [row for row in self._waiting if row[0] in landed]
        self._waiting = []
        if rows:
            self._write(PAGES, _pages(rows, self._file))
        if any(said.image_licenses for _, _, said in rows):
            self._write(LICENSES, _licenses(rows, self._file))

    def close(self) -> None:
        """End the files, which are whole only then."""
        for writer in self._writers.values():
            writer.close()

    def tables(self) -> Mapping[str, Sequence[Path]]:
        """The files of each table; a page that was crawled repeatedly stands there once."""
        self.close()
        return {name: [_latest(name, self._files[name])] for name in self._writers}

    def _write(self, name: str, columns: Sequence[Any]) -> None:
        if name not in self._writers:
            self._writers[name] = pq.ParquetWriter(
                self._files[name], _SCHEMAS[name], compression="none"
            )
        self._writers[name].write_table(pa.Table.from_arrays(columns, schema=_SCHEMAS[name]))


def _pages(rows: Sequence[_Row], file: tuple[str, str]) -> list[pa.Array]:
    urls, offsets, said = zip(*rows, strict=True)
    languages, licenses, rsl_urls, wishes, heard_at, _ = zip(*said, strict=True)
    texts = (pa.array(list(each), pa.string()) for each in (urls, languages, licenses, rsl_urls))
    url, language, license_url, rsl_url = texts
    return [
        text_ids(urls),
        url,
        *_repeated(file, len(rows)),
        pa.array(offsets, pa.int64()),
        language,
        license_url,
        rsl_url,
        _wishes(wishes),
        pa.array(heard_at, _TIME),
    ]


def _wishes(wishes: Sequence[Sequence[tuple[str, str, str]]]) -> pa.ListArray:
    ends = [0]
    for each in wishes:
        ends.append(ends[-1] + len(each))
    terms = [term for each in wishes for term in each]
    columns = [pa.array([term[place] for term in terms], pa.string()) for place in range(3)]
    structs = pa.StructArray.from_arrays(columns, fields=list(WISH))
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), structs)


def _licenses(rows: Sequence[_Row], file: tuple[str, str]) -> list[pa.Array]:
    each = [
        (page_url, *license_, said.heard_at)
        for page_url, _, said in rows
        for license_ in said.image_licenses
    ]
    page_urls, urls, *texts, heard_at = zip(*each, strict=True)
    return [
        text_ids(page_urls),
        text_ids(urls),
        *_repeated(file, len(each)),
        *(pa.array(text, pa.string()) for text in texts),
        pa.array(heard_at, _TIME),
    ]


def _repeated(file: tuple[str, str], times: int) -> list[pa.Array]:
    return [pa.repeat(text, times) for text in file]


def _latest(name: str, file: Path) -> Path:
    """A file without the rows that were heard anew."""
    is_kept = _is_latest(name, file)
    if is_kept is None:
        return file
    target, start = file.with_name(f"{file.stem}-latest.parquet"), 0
    with (
        pq.ParquetFile(file) as held,
        pq.ParquetWriter(target, _SCHEMAS[name], compression="none") as writer,
    ):
        for batch in held.iter_batches(_ROWS_AT_ONCE):
            kept = batch.filter(is_kept[start : start + len(batch)])
            writer.write_table(pa.Table.from_batches([kept]).cast(_SCHEMAS[name]))
            start += len(batch)
    file.unlink()
    return target


def _is_latest(name: str, file: Path) -> pa.Array | None:
    """Of each row whether no other of its key was heard later, or at once and behind it.

    None if all are.
    """
    held = pq.read_table(file, columns=[*_KEYS[name], "heard_at"]).combine_chunks()
    keys = {key: held[key].chunk(0).storage.cast(pa.binary()) for key in _KEYS[name]}
    latest = (
        pl.DataFrame({**keys, "heard_at": held["heard_at"]})
        .with_row_index()
        .sort("heard_at", "index", nulls_last=False)
        .unique(list(keys), keep="last")["index"]
    )
    if len(latest) == held.num_rows:
        return None
    return pl.Series("row", range(held.num_rows), pl.UInt32).is_in(latest.implode()).to_arrow()
