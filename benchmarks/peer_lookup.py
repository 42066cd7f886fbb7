"""Asks clip-retrieval's index for vectors that it was made of: `EMBEDDINGS INDEX image|text`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import faiss
import numpy as np
import pyarrow.parquet as pq

_FOLDERS = {"image": "img_emb", "text": "text_emb"}
_MOST_ASKED = 1_000


def main(embeddings: Path, index_folder: Path, kind: str) -> None:
    """Whose vector it is follows from the metadata that `index` copied, as its server reads it."""
    folder = _FOLDERS[kind]
    parts = sorted((embeddings / folder).glob("*.npy"))
    vectors = np.concatenate([np.load(part) for part in parts]).astype(np.float32)
    urls, copied = (
        pq.read_table(within / "metadata", columns=["url"])["url"].to_pylist()
        for within in (embeddings, index_folder)
    )
    index = faiss.read_index(str(index_folder / f"{kind}.index"))
    asked = np.linspace(0, len(vectors) - 1, min(_MOST_ASKED, len(vectors))).astype(int)
    _, found = index.search(vectors[asked], 1)
    right = sum(copied[place] == urls[n] for n, (place,) in zip(asked, found, strict=True))
    print(json.dumps({"rows": index.ntotal, "asked": len(asked), "found": right}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
