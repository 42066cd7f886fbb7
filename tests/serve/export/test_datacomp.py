"""The uids are read as DataComp's resharder reads a subset, and found in it as it finds them."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

from pairlake.lake.catalog import writing
from pairlake.serve.export.export import export
from pairlake.serve.export.selection import Selection
from tests.serve.conftest import APPLE, CAT, POMME, SEA, Mart
from tests.serve.export.exporting import with_verdicts

HALVES = np.dtype("u8,u8")


@pytest.fixture
def mart(mart: Mart) -> Mart:
    return with_verdicts(mart)


def _subset(path: Path) -> np.ndarray:
    """As `load_subset` of resharder.py has it."""
    with path.open("rb") as file:
        assert file.read(6) == b"\x93NUMPY"
    subset = np.load(path, mmap_mode="r")
    assert subset.dtype == HALVES
    return subset


def _times(subset: np.ndarray, uid: str) -> int:
    """How often the resharder would write a sample of this uid; see its `process_example`."""
    key = np.array([divmod(int(uid, 16), 2**64)], HALVES)[0]
    return int(np.searchsorted(subset, key, "right") - np.searchsorted(subset, key, "left"))


def test_the_resharder_finds_what_is_in_and_nothing_else(mart: Mart, tmp_path: Path) -> None:
    mart.keep(APPLE, POMME, CAT, SEA)
    exported = export(tmp_path / "subset.npy", Selection(where=("caption contains a",)))
    subset = _subset(tmp_path / "subset.npy")
    kept = {APPLE, CAT, SEA, POMME}
    assert (exported.rows, len(subset)) == (4, 4)
    assert {pair: _times(subset, pair.pair_id.hex) for pair in kept} == dict.fromkeys(kept, 1)
    assert _times(subset, "f" * 32) == _times(subset, "0" * 32) == 0


def test_datacomps_own_uid_is_kept_and_written_once(mart: Mart, tmp_path: Path) -> None:
    mart.keep(APPLE, POMME, CAT, SEA)
    theirs = "FFB0".ljust(32, "0")
    with writing(mart.con):
        for pair, source_id in ((APPLE, theirs), (POMME, theirs.lower()), (CAT, "4711")):
            mart.con.execute(
                "update lake.marts.pairs set source_id = ? where pair_id = ?",
                [source_id, pair.pair_id],
            )
    exported = export(tmp_path / "subset.npy")
    subset = _subset(tmp_path / "subset.npy")
    assert (exported.rows, exported.left_out) == (3, {"uid_of_another": 1})
    uids = [f"{high:016x}{low:016x}" for high, low in subset.tolist()]
    assert uids == sorted([theirs.lower(), CAT.pair_id.hex, SEA.pair_id.hex])


def test_a_subset_cuts_the_shards_of_another_export(mart: Mart, tmp_path: Path) -> None:
    """Every sample of our own shards has the uid that the resharder asks for."""
    mart.keep(APPLE, POMME, CAT, SEA)
    export(tmp_path / "shards", format="webdataset")
    export(tmp_path / "subset.npy", Selection(split="en"))
    subset, cut = _subset(tmp_path / "subset.npy"), set()
    with tarfile.open(tmp_path / "shards" / "00000.tar") as members:
        for member in members:
            if member.name.endswith(".json"):
                told = json.load(members.extractfile(member))
                cut |= {told["caption"]} if _times(subset, told["uid"]) else set()
    assert cut == {APPLE.caption, CAT.caption}


def test_nothing_selected_is_an_empty_array(mart: Mart, tmp_path: Path) -> None:
    mart.keep(APPLE)
    export(tmp_path / "subset.npy", Selection(split="multi"))
    assert len(np.load(tmp_path / "subset.npy")) == 0
