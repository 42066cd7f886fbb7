"""faiss alone, in this process, on one thread: `FILES TRUTH ROWS QUERIES`; prints JSON.

No server and no metadata: what the search itself may cost.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from benchmarks.searching.files import vectors_of
from benchmarks.searching.truths import NEAREST, Truth, recall, truth

ENOUGH = 0.95
TRAINING = 100_000
BLOCK = 50_000


def main(files: str, truths: str, rows: int, queries: int) -> None:
    """Search exactly, and by two inverted files with as many probes as recall@10 asks for."""
    faiss.omp_set_num_threads(1)
    known = truth(Path(truths), rows, queries)
    lists = 512 if rows < 500_000 else 1_024
    found = [
        _found("faiss Flat, exact", _built("Flat", files), known, few=True),
        *_probed(f"IVF{lists},SQ8", files, known),
        *_probed(f"IVF{lists},PQ128x4fs,Refine(SQ8)", files, known),
    ]
    print(json.dumps({"rows": found}))


def _probed(kind: str, files: str, known: Truth) -> Iterator[dict[str, Any]]:
    """The row of the fewest probes, by doubling, that find enough; the last tried if none do."""
    index = _built(kind, files)
    space = faiss.ParameterSpace()
    if "Refine" in kind:
        space.set_index_parameter(index, "k_factor_rf", 16)
    row: dict[str, Any] = {}
    for probes in (8, 16, 32, 64, 128):
        space.set_index_parameter(index, "nprobe", probes)
        row = _found(f"faiss {kind}, {probes} probes", index, known)
        if row["recall"] >= ENOUGH:
            break
    yield row


def _built(kind: str, files: str) -> Any:
    vectors = vectors_of(Path(files))
    index = faiss.index_factory(vectors.shape[1], kind, faiss.METRIC_INNER_PRODUCT)
    if not index.is_trained:
        # To train on one thread would take minutes.
        faiss.omp_set_num_threads(2)
        index.train(np.ascontiguousarray(vectors[:TRAINING], np.float32))
    for first in range(0, len(vectors), BLOCK):
        index.add(np.ascontiguousarray(vectors[first : first + BLOCK], np.float32))
    faiss.omp_set_num_threads(1)
    return index


def _found(name: str, index: Any, known: Truth, *, few: bool = False) -> dict[str, Any]:
    queries = known.pictures[:20] if few else known.pictures
    seconds, ids = [], []
    cpu = time.process_time()
    for query in queries:
        began = time.perf_counter()
        ids.append(index.search(query[None], NEAREST)[1][0].tolist())
        seconds.append(time.perf_counter() - began)
    cpu = time.process_time() - cpu
    true = known.nearest["image"][: len(queries)]
    return {
        "name": name,
        "recall": recall(ids, true, 10),
        "recall_all": recall(ids, true, NEAREST),
        "p50_ms": 1_000 * float(np.percentile(seconds, 50)),
        "p95_ms": 1_000 * float(np.percentile(seconds, 95)),
        "cpu_s_of_1000": 1_000 * cpu / len(queries),
    }


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
