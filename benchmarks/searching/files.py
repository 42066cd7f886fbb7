"""Writes a world as clip-retrieval's `inference` leaves it: embeddings, and metadata in files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import ipc

from benchmarks.searching.worlds import DIMENSIONS, Block, Half, World

# The columns that our `/knn-service` answers with too, by clip-retrieval's names.
COLUMNS = {
    "url": "image_url", "caption": "caption", "hash": "hash", "width": "width",
    "height": "height", "language": "language", "license": "license_url", "punsafe": "punsafe",
    "pwatermark": "pwatermark", "aesthetic": "aesthetic_score",
}  # fmt: skip


def files(folder: Path, rows: int) -> Path:
    """`img_emb` (one .npy of fp16), `parquet/metadata` and `arrow/metadata`; written once."""
    done = folder / "done"
    if done.exists():
        return folder
    for name in ("img_emb", "parquet/metadata", "arrow/metadata"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    vectors = np.lib.format.open_memmap(
        folder / "img_emb" / "img_emb_0000.npy", "w+", np.float16, (rows, DIMENSIONS)
    )
    tables = []
    for block in World().blocks(rows):
        vectors[block.first : block.first + len(block.images)] = block.images
        tables.append(_metadata(block))
    vectors.flush()
    metadata = pa.concat_tables(tables)
    pq.write_table(metadata, folder / "parquet" / "metadata" / "metadata_0000.parquet")
    with ipc.new_file(folder / "arrow" / "metadata" / "0000.arrow", metadata.schema) as writer:
        writer.write_table(metadata)
    done.touch()
    return folder


def vectors_of(folder: Path) -> Half:
    """The embeddings as they lie on disk, (N, D)."""
    mapped: Half = np.load(folder / "img_emb" / "img_emb_0000.npy", mmap_mode="r")
    return mapped


def _metadata(block: Block) -> pa.Table:
    return pa.table({name: block.facts[ours] for name, ours in COLUMNS.items()})
