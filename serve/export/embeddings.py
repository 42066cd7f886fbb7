"""Writes the vectors of pairs as clip-retrieval's `inference` does, and as LAION published them.

`img_emb/img_emb_0.npy` and `text_emb/text_emb_0.npy` in fp16, `metadata/metadata_0.parquet` beside
them with the same rows; a million to a part, whose number has as many digits as there are parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pairlake.lake.errors import BadRequest, JobFailed
from pairlake.serve.export.datacomp import UID
from pairlake.serve.export.npy import begin
from pairlake.serve.export.webdataset import TOLD
from pairlake.serve.publish.from_marts import halves, searchable

PART_ROWS = 1_000_000
_BATCH_ROWS = 20_000
# The folders of the vectors, each with the column that goes there.
_FOLDERS = {"img_emb": "image_vector", "text_emb": "caption_vector"}

# What clip-retrieval takes for the path of a picture is nothing that a stranger wrote: its server
# would show a file of that name.
_METADATA = {"image_path": UID, "caption": TOLD["caption"], "url": TOLD["url"], **TOLD}
_WANTED = """
create temp view wanted as
select pairs.* from offered as pairs semi join selected on pairs.pair_id = selected.pair_id
"""
_ROWS = f"""
select
    {", ".join(f'{column} as "{name}"' for name, column in _METADATA.items())},
    images.embedding as image_vector,
    captions.embedding as caption_vector
from searchable
inner join wanted as pairs on searchable.pair_id = pairs.pair_id
inner join selected on searchable.pair_id = selected.pair_id
inner join lake.staging.stg_enriched__image_embeddings as images
    on searchable.image_id = images.image_id and searchable.image_model_id = images.model_id
inner join lake.staging.stg_enriched__caption_embeddings as captions
    on searchable.caption_id = captions.caption_id
    and searchable.caption_model_id = captions.model_id
order by selected.rank, pairs.pair_id
"""
_ENCODERS = """
select
    any_value(image_encoder),
    string_agg(distinct caption_encoder, ', ' order by caption_encoder)
from searchable
"""


def write_embeddings(
    con: duckdb.DuckDBPyConnection, folder: Path, progress: Callable[[str], None]
) -> tuple[int, int, dict[str, str]]:
    """Write the vectors and facts of `selected` to `folder`, row for row in the three kinds.

    Returns how many pairs were written, how many were left out since the lake has no vector of
    their picture or their caption by the recipe's encoders, and these encoders by their names.
    Raises BadRequest where that is so of all.
    """
    con.execute(_WANTED)
    found = searchable(con, "wanted")
    if found.unsearchable and not found.rows:
        raise BadRequest(
            f"None of the {found.unsearchable:,} pairs has vectors of both its picture and its "
            f"caption by the encoders of the recipe {found.recipe}; run: pairlake enrich, then dbt "
            "build, with a recipe that names similarity models."
        )
    if not found.rows:
        return 0, 0, {}
    digits, written = len(str(-(-found.rows // PART_ROWS))), 0
    reader = con.execute(_ROWS).to_arrow_reader(_BATCH_ROWS)
    for number, pieces in groupby(_pieces(reader), itemgetter(0)):
        rows = min(PART_ROWS, found.rows - number * PART_ROWS)
        with _Part(folder, f"{number:0{digits}}", rows, found.dimensions) as part:
            for _, piece in pieces:
                part.add(piece)
                written += piece.num_rows
                progress(f"{written:,} of {found.rows:,} pairs written")
    if written != found.rows:
        raise JobFailed(f"{found.rows:,} pairs were to be written, and there are {written:,}.")
    ((image_encoder, caption_encoders),) = con.execute(_ENCODERS).fetchall()
    encoders = {"image_encoder": image_encoder, "caption_encoder": caption_encoders}
    return written, found.unsearchable, encoders


def _pieces(reader: pa.RecordBatchReader) -> Iterator[tuple[int, pa.RecordBatch]]:
    """What is read, cut where a part ends, with the number of its part."""
    place = 0
    for batch in reader:
        while batch.num_rows:
            piece = batch.slice(0, PART_ROWS - place % PART_ROWS)
            yield place // PART_ROWS, piece
            place += piece.num_rows
            batch = batch.slice(piece.num_rows)


class _Part:
    """One part that is being written: two arrays of a known number of rows, and their facts."""

    def __init__(self, folder: Path, number: str, rows: int, dimensions: int) -> None:
        self._folder, self._number = folder, number
        self._rows, self._dimensions = rows, dimensions
        self._arrays: dict[str, BinaryIO] = {}
        self._facts: pq.ParquetWriter | None = None

    def __enter__(self) -> _Part:
        with ExitStack() as opening:
            for name, column in _FOLDERS.items():
                array = opening.enter_context(self._path(name, "npy").open("wb"))
                begin(array, "<f2", (self._rows, self._dimensions))
                self._arrays[column] = array
            self._files = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    def add(self, piece: pa.RecordBatch) -> None:
        """Write some rows behind those that are there."""
        for column, array in self._arrays.items():
            array.write(halves(piece[column], self._dimensions, column).tobytes())
        facts = piece.select(list(_METADATA))
        if self._facts is None:
            path = self._path("metadata", "parquet")
            self._facts = self._files.enter_context(pq.ParquetWriter(path, facts.schema))
        self._facts.write_batch(facts)

    def _path(self, name: str, ending: str) -> Path:
        folder = self._folder / name
        folder.mkdir(exist_ok=True)
        return folder / f"{name}_{self._number}.{ending}"
