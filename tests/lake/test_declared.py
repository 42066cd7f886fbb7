"""What a job declares is read from its file, which does not run; what is wrong has its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from pairlake.lake.declared import declared
from pairlake.lake.errors import BadJob
from pairlake.lake.raw_tables import ATTEMPT
from pairlake.lake.tables import _of_job


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "image_made_up.py"


def test_literals_are_read_without_running_the_file(file: Path) -> None:
    file.write_text(
        'import nothing_of_that_name\nkeys = ("image_id",)\nstages: tuple = ("rate",)\n'
    )
    assert declared(file, "keys") == ("image_id",)
    assert declared(file, "stages", ()) == ("rate",)
    assert declared(file, "values", {}) == {}


def test_a_table_is_its_keys_the_model_what_came_of_it_and_its_values(file: Path) -> None:
    file.write_text('values = {"made_up": "FLOAT"}\nkeys = ("caption_id", "language")\n')
    assert list(_of_job(file).items()) == [
        ("caption_id", "UUID"),
        ("language", "VARCHAR"),
        ("model_id", "VARCHAR"),
        ("outcome", "VARCHAR"),
        ("error", "VARCHAR"),
        ("made_up", "FLOAT"),
        *ATTEMPT.items(),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("keys = (1,)", r"image_made_up\.py lacks a line that begins `values =`"),
        (
            "keys = (1,)\n\nvalues = dict(a=1)",
            r"made_up\.py, line 3: `values` has to be written out",
        ),
        ("keys = (1,)\nvalues = {", r"made_up\.py, line 2: '{' was never closed"),
        ("keys = ('image_id')\nvalues = {}", r"made_up\.py: `keys` are a tuple"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(file: Path, text: str, message: str) -> None:
    file.write_text(text)
    with pytest.raises(BadJob, match=message):
        _of_job(file)
