"""Runs `clip-retrieval index` on exported embeddings, in its own environment: `EMBEDDINGS INDEX`.

Then asks the index for vectors that it was made of, and sees whether it finds their pairs.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import packaging
import pkg_resources  # type: ignore[import-not-found]
import pyarrow.parquet as pq

_FOLDERS = {"image": "img_emb", "text": "text_emb"}
_MOST_ASKED = 1_000


def main(embeddings: str, index: str) -> None:
    """Print for each index its rows, how many vectors were asked for, and how many were found."""
    # As for its server, which stands beside this file.
    pkg_resources.packaging = packaging
    importlib.import_module("peer_back").declare_operators()
    # The package calls a function by the module's name.
    clip_index: Any = importlib.import_module("clip_retrieval.clip_index")
    clip_index.clip_index(embeddings, index)
    found = {kind: _found(Path(embeddings), Path(index), kind) for kind in _FOLDERS}
    print(json.dumps(found))


def _found(embeddings: Path, folder: Path, kind: str) -> list[int]:
    """Whose a vector is follows from the metadata that `index` copied, as the server reads it."""
    parts = sorted((embeddings / _FOLDERS[kind]).glob("*.npy"))
    vectors = np.concatenate([np.load(part) for part in parts]).astype(np.float32)
    ours, copied = (
        pq.read_table(within / "metadata", columns=["uid"])["uid"].to_pylist()
        for within in (embeddings, folder)
    )
    index = faiss.read_index(str(folder / f"{kind}.index"))
    asked = np.linspace(0, len(vectors) - 1, min(_MOST_ASKED, len(vectors))).astype(int)
    _, nearest = index.search(vectors[asked], 10)
    right = sum(
        ours[n] in {copied[place] for place in places}
        for n, places in zip(asked, nearest, strict=True)
    )
    return [int(index.ntotal), len(asked), right]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
