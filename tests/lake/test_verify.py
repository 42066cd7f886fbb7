"""What is gone, cut or changed on the disk is named."""

from __future__ import annotations

import hashlib
import uuid
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner

from pairlake.commands import main
from pairlake.lake.append import append
from pairlake.lake.settings import settings
from pairlake.lake.verify import verify

pytestmark = pytest.mark.usefixtures("lake_without_rows")


def _land(sums: list[bytes | None]) -> Path:
    """Land pictures with these sums of their pixels; gives the file that they are in."""
    pixels = [f"pixels of {number}".encode() * 9 for number in range(20)]
    sums += [hashlib.sha256(each).digest() for each in pixels[len(sums) :]]
    ids = pa.array([uuid.uuid4().bytes for _ in pixels], pa.uuid())
    append(
        {"raw.image_pixels": pa.table({"image_id": ids, "pixels": pixels, "pixels_sha256": sums})}
    )
    (file,) = Path(settings().tables).rglob("*.parquet")
    return file


def test_what_is_as_it_landed_is_counted() -> None:
    _land([None, None])
    found = verify()
    assert found.problems == []
    assert str(found) == "1 files and the pixels of 18 pictures looked at; 2 landed without a sum"


def test_pixels_that_have_changed_are_named() -> None:
    _land([hashlib.sha256(b"as they landed").digest()])
    (problem,) = verify().problems
    assert problem.startswith("1 pictures have other pixels than those that landed (")
    assert "pairlake restore" in problem


def test_a_file_that_is_gone_or_cut_is_named() -> None:
    file = _land([])
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    assert "1 files have another size" in verify().problems[0]
    assert file.name in verify().problems[0]
    file.write_bytes(b"X" * len(whole))
    assert "cannot be read" in verify().problems[0]
    file.unlink()
    assert "1 files are not there" in verify().problems[0]


def test_upkeep_stops_where_something_is_lost_and_leaves_the_backups() -> None:
    _land([])
    assert CliRunner().invoke(main, ["maintain"]).exit_code == 0
    backups = list((settings().home / "backups").iterdir())
    (file,) = Path(settings().tables).rglob("*.parquet")
    file.write_bytes(file.read_bytes()[:-1])
    for loss in ("have another size", "are not there"):
        said = CliRunner().invoke(main, ["maintain"])
        assert said.exit_code == 1
        assert f"1 files {loss}" in said.output
        assert file.name in said.output
        file.unlink(missing_ok=True)
    assert list((settings().home / "backups").iterdir()) == backups
