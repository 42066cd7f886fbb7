"""Prints what near-duplicate search finds of planted copies: `python -m benchmarks.duplicates`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import yaml
from numpy.typing import NDArray

from benchmarks.duplicates import plants
from benchmarks.duplicates.plants import Planted
from benchmarks.harness.processes import ROOT
from benchmarks.harness.tables import heading, note, table
from pairlake.ingest.images.picture import Picture
from pairlake.ingest.images.pixels import prepare
from pairlake.lake.settings import settings
from pairlake.lake.vectors import Matrix, from_blobs
from pairlake.udfs import image_embeddings, image_hashes

DISTANCES = (0, 2, 4, 6, 8)
COSINES = (0.90, 0.92, 0.94, 0.96, 0.98, 0.99)
ENCODER = "mini_clip"
SEED = 5
# The bits of the five blocks of the model int_hash_bands, and how many make a band.
BLOCKS, BLOCKS_OF_A_BAND = (13, 13, 13, 13, 12), 2

Found = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Marks:
    """The marks of all planted pictures: a row for each original, it first, as the jobs make them.

    `hashes` is (N, K), `vectors` (N, K, D) of unit length.
    """

    hashes: NDArray[np.uint64]
    vectors: Matrix

    @property
    def distances(self) -> NDArray[np.uint8]:
        """Hamming distances to the original."""
        return np.asarray(np.bitwise_count(self.hashes[:, :1] ^ self.hashes))

    @property
    def cosines(self) -> Matrix:
        """Cosines with the original."""
        found: Matrix = np.einsum("nd,nkd->nk", self.vectors[:, 0], self.vectors)
        return found

    @property
    def meetings(self) -> Found:
        """Whether the hash is the original's, or shares a band with it; flat ones never do."""
        differing = self.hashes[:, :1] ^ self.hashes
        equal_blocks, shift = np.zeros(differing.shape, int), 64
        for bits in BLOCKS:
            shift -= bits
            block = (differing >> np.uint64(shift)) & np.uint64((1 << bits) - 1)
            equal_blocks += block == 0
        is_flat = np.bitwise_count(self.hashes) != 32
        found: Found = (equal_blocks >= BLOCKS_OF_A_BAND) & ~is_flat & ~is_flat[:, :1]
        return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables for the demo's drawings, and for a folder of other pictures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.duplicates", description=__doc__)
    parser.add_argument("--count", type=int, default=300, help="how many originals are taken")
    parser.add_argument("--pictures", type=Path, help="a folder of pictures, taken as well")
    parser.add_argument("--quick", action="store_true", help="few originals, to see that it runs")
    asked = parser.parse_args(arguments)
    os.environ["PAIRLAKE_MODELS"] = str(ROOT / "demo")
    count = 8 if asked.quick else asked.count
    print("# Near-duplicates: what is found of planted copies")
    _report("the demo's drawings", list(plants.drawings(count, SEED)))
    if asked.pictures:
        _report("pictures of a folder", list(plants.folder(asked.pictures, count, SEED)))


def _report(what: str, planted: Sequence[Planted]) -> None:
    marks = _marks(planted)
    names = [*planted[0].copies, *planted[0].look_alikes]
    copies = len(planted[0].copies)
    columns = _columns(marks)
    heading(f"Of {len(planted):,} {what}, the share that is matched with its original")
    titles = ["copies, then look-alikes", *columns]
    shares = {name: found[:, 1:].mean(axis=0) for name, found in columns.items()}
    table(
        titles,
        [(name, *(float(share[n]) for share in shares.values())) for n, name in enumerate(names)],
    )
    heading(f"Of {len(planted):,} {what}, the precision: matches that are copies")
    precisions = {name: _precision(share, copies) for name, share in shares.items()}
    table(
        ["copies, beside the picture most alike", *columns],
        [(names[n], *(_cell(each[n]) for each in precisions.values())) for n in range(copies)],
    )
    note(f"Bits that are set: {_weights(marks)}.")
    note(f"Of a million pairs of different originals match: {_others(marks)}.")


def _marks(planted: Sequence[Planted]) -> Marks:
    pixels: list[bytes] = []
    for body in plants.files_of(planted):
        picture = prepare(body, settings().pixel_side)
        if not isinstance(picture, Picture):
            raise ValueError(f"A planted picture cannot be read: {picture.error}")
        pixels.append(picture.pixels)
    ids = pa.array([number.to_bytes(16, "big") for number in range(len(pixels))], pa.uuid())
    batch = pa.record_batch({"image_id": ids, "pixels": pa.array(pixels, pa.binary())})
    hash_ = image_hashes.load(image_hashes.identify("phash"))(batch)["phash"]
    embed = image_embeddings.load(image_embeddings.identify(ENCODER))
    parts = [embed(batch.slice(start, 512))["embedding"] for start in range(0, len(pixels), 512)]
    vector_BD = np.concatenate([from_blobs(part) for part in parts])
    vector_BD /= np.linalg.norm(vector_BD, axis=1, keepdims=True)
    return Marks(
        hashes=hash_.to_numpy().view(np.uint64).reshape(len(planted), -1),
        vectors=vector_BD.reshape(len(planted), len(pixels) // len(planted), -1),
    )


def _columns(marks: Marks) -> dict[str, Found]:
    """What each way of matching matches with the original, by the title of its column."""
    defaults = yaml.safe_load((ROOT / "dbt_project.yml").read_text())["vars"]["pairlake"]
    most, least = defaults["max_hash_distance"], defaults["match_min_cosine"]
    by_bands = (marks.distances <= most) & marks.meetings
    by_cosine = marks.cosines >= least
    return {
        **{f"≤ {distance}": marks.distances <= distance for distance in DISTANCES},
        f"≤ {most}, by bands": by_bands,
        **{f"≥ {cosine:.2f}": marks.cosines >= cosine for cosine in COSINES},
        f"either (≤ {most}, by bands; ≥ {least:.2f})": by_bands | by_cosine,
    }


def _precision(share: NDArray[np.float64], copies: int) -> list[float | None]:
    """For each kind of copy, where each original has one, and one look-alike: that most alike."""
    wrong = float(share[copies])
    return [float(right / (right + wrong)) if right + wrong else None for right in share[:copies]]


def _cell(value: float | None) -> object:
    return "-" if value is None else value


def _weights(marks: Marks) -> str:
    weights, counts = np.unique(np.bitwise_count(marks.hashes), return_counts=True)
    return ", ".join(f"{w} in {n:,} hashes" for w, n in zip(weights, counts, strict=True))


def _others(marks: Marks) -> str:
    """How often originals match each other, which is what many millions of pictures suffer."""
    hash_N, vector_ND = marks.hashes[:, 0], marks.vectors[:, 0]
    pairs = np.triu_indices(len(hash_N), 1)
    distance = np.bitwise_count(hash_N[:, None] ^ hash_N[None])[pairs]
    cosine = (vector_ND @ vector_ND.T)[pairs]
    by_hash = [f"≤ {d}: {1e6 * (distance <= d).mean():,.0f}" for d in DISTANCES]
    by_cosine = [f"≥ {c:.2f}: {1e6 * (cosine >= c).mean():,.0f}" for c in COSINES]
    return ", ".join([*by_hash, *by_cosine])


if __name__ == "__main__":
    main()
