"""Embeddings as fp16 bytes: DuckLake holds no fixed-size arrays, so a vector is a BLOB."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Matrix = NDArray[np.float32]


def to_blobs(embeddings_BD: Matrix) -> pa.Array:
    """(B, D) float32 rows as a binary array of B values with 2 * D bytes each, null for NaN."""
    halves = embeddings_BD.astype("<f2")
    broken = set(np.flatnonzero(~np.isfinite(embeddings_BD).all(axis=1)))
    rows = [None if n in broken else row.tobytes() for n, row in enumerate(halves)]
    return pa.array(rows, pa.binary())


def from_blobs(blobs: pa.Array | pa.ChunkedArray) -> Matrix:
    """A binary array of B equally long fp16 vectors as (B, D) float32; null is not allowed."""
    rows = [np.frombuffer(blob, dtype="<f2") for blob in blobs.to_pylist()]
    return np.stack(rows).astype(np.float32) if rows else np.empty((0, 0), np.float32)


def cosines(left_BD: Matrix, right_BD: Matrix) -> NDArray[np.float32]:
    """Cosine of each row of one matrix with the same row of the other: (B,) float32."""
    dots = np.einsum("bd,bd->b", left_BD, right_BD)
    norms = np.linalg.norm(left_BD, axis=1) * np.linalg.norm(right_BD, axis=1)
    result: NDArray[np.float32] = np.divide(dots, norms, out=np.zeros_like(dots), where=norms > 0)
    return result
