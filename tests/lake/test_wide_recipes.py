"""A recipes.csv of before comes to the same in today's form, and what it was is still there."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from click.testing import CliRunner

from pairlake.commands import main
from pairlake.lake.errors import BadRequest
from pairlake.lake.project import RECIPES, ROOT, RULES, lay_out
from pairlake.lake.wide_recipes import rewrite

BEFORE = Path(__file__).with_name("recipes_of_before.csv").read_text()
# What a score of one's own adds to the list of scores.
_SHARPNESS = """
        {
            "kind": "sharpness", "score": "sharpness", "between": [0, 1], "label": "sharp",
            "table": "image_sharpness", "key": ["image_id"],
            "rules": {"above_sharpness": "sharpness <= above_sharpness"},
            "reason": "blurred", "meaning": "", "hidden_above": none,
        },
    ]) }}"""


@pytest.fixture
def seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recipes.csv of before in a project of one's own, which commands go by."""
    lay_out(tmp_path / "mine")
    monkeypatch.chdir(tmp_path / "mine")
    seed = tmp_path / "mine" / RECIPES
    seed.write_text(BEFORE)
    return seed


def _read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def _blocks(seed: Path) -> dict[str, list[list[str]]]:
    """The rows of today's form by recipe."""
    header, *rows = _read(seed.read_text())
    assert header == ["recipe", "like", "rule", "value"]
    blocks: dict[str, list[list[str]]] = {}
    for row in rows:
        blocks.setdefault(row[0], []).append(row)
    assert [row for block in blocks.values() for row in block] == rows, "each stands together"
    return blocks


def _in_full(name: str) -> list[list[str]]:
    """A recipe's row of before as rows."""
    header, *rows = _read(BEFORE)
    (found,) = [row for row in rows if row[0] == name]
    cells = zip(header[1:], found[1:], strict=True)
    written = [[name, "", rule, value] for rule, value in cells if value]
    # All captions were alt text.
    return [*written, [name, "", "only_alt", "true"]]


def test_recipes_come_out_as_shipped_or_in_full(seed: Path) -> None:
    done = CliRunner().invoke(main, ["recipes", str(RECIPES)])
    assert (done.exit_code, done.output) == (
        0,
        "recipes  models/seeds/recipes.csv: 3 recipes as shipped, 3 in full (demo_near, my_own, "
        "demo); as it was it is in models/seeds/recipes.csv.before\n",
    )
    assert seed.with_name("recipes.csv.before").read_text() == BEFORE
    assert {path.name for path in seed.parent.glob("*recipes*")} == {
        "recipes.csv", "recipes.csv.before"
    }  # fmt: skip
    found, shipped = _blocks(seed), _blocks(ROOT / RECIPES)
    assert list(found) == [row[0] for row in _read(BEFORE)[1:]]
    for name in ("laion_art", "laion_aesthetics_v1", "laion_5b"):
        assert found[name] == shipped[name]
    # demo itself was changed, and demo_near is like it as it ships.
    for name in ("demo_near", "my_own", "demo"):
        assert found[name] == _in_full(name)
    assert found["my_own"][0][3] == 'Mine, after "the paper": sharp ones'


@pytest.mark.parametrize(
    "written",
    [
        ("\ufeff" + BEFORE).encode(),
        BEFORE.replace("\n", "\r\n").encode(),
        BEFORE.replace("\n", " \n\n").replace(",en de,", ", en de ,").encode(),
        BEFORE.replace("\n", f"\n{',' * 30}\n").encode(),
    ],
    ids=["BOM", "CRLF", "blanks", "empty rows"],
)
def test_a_spreadsheets_ways_change_nothing(written: bytes, seed: Path) -> None:
    rewrite(seed)
    plain = seed.read_text()
    seed.write_bytes(written)
    rewrite(seed)
    assert seed.read_text() == plain


def test_what_was_kept_is_not_written_over(seed: Path) -> None:
    for expected in ("recipes.csv.before", "recipes.csv.before-2", "recipes.csv.before-3"):
        seed.write_text(BEFORE + f"{expected},{',' * 29}\n")
        assert rewrite(seed).kept == seed.with_name(expected)
    for kept in seed.parent.glob("*.before*"):
        assert kept.read_text() == BEFORE + f"{kept.name},{',' * 29}\n"


def test_a_rule_of_ones_own_is_taken_along_once_the_project_has_it(seed: Path) -> None:
    lines = BEFORE.splitlines()
    more = ["sharpness_model,above_sharpness", *[","] * (len(lines) - 3), "laplacian,0.4", ","]
    written = "\n".join(f"{line},{cells}" for line, cells in zip(lines, more, strict=True))
    seed.write_text(written)
    with pytest.raises(BadRequest, match="a column 'sharpness_model', and there is no such rule"):
        rewrite(seed)
    ratings = Path("macros", "ratings.sql")
    ratings.write_text(ratings.read_text().replace("\n    ]) }}", _SHARPNESS, 1))
    assert rewrite(seed).full == ["demo_near", "my_own", "demo"]
    assert _blocks(seed)["my_own"][-3:] == [
        ["my_own", "", "sharpness_model", "laplacian"],
        ["my_own", "", "above_sharpness", "0.4"],
        ["my_own", "", "only_alt", "true"],
    ]


HEADER, FIRST, *_ = BEFORE.splitlines()


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        (f"{HEADER}\n{FIRST},more\n", "has 32 cells in line 2 and 31 columns; write what holds a"),
        (f"{HEADER}\n{FIRST[: FIRST.rindex(',')]}\n", "has 30 cells in line 2 and 31 columns"),
        (f"{HEADER},beauty\n{FIRST},1\n", "has a column 'beauty', and there is no such rule; take"),
        (f"{HEADER},duplicates\n{FIRST},url\n", "has the column duplicates twice; take one"),
        (f"{HEADER}\n{FIRST}\n{FIRST}\n", "has the recipe laion_art again in line 3; give it"),
        (f"{HEADER}\n,mine{',' * 29}\n", "names no recipe in line 2; give it a name"),
        (
            HEADER.replace(",", ";"),
            "has no column recipe in its first line; name a recipes.csv, and save it with commas",
        ),
        ("", "has no column recipe in its first line"),
        ("recipe,like,rule,value\n", "has a row for each rule already: there is nothing to do"),
        (f'{HEADER}\n"a" b\n', r"cannot be read \(.*\); write it as CSV in UTF-8"),
        (f"{HEADER}\nälter".encode("latin-1"), r"cannot be read \(.*\); write it as CSV in UTF-8"),
    ],
)
def test_what_cannot_be_read_is_told_and_left(
    written: str | bytes, sentence: str, seed: Path
) -> None:
    content = written if isinstance(written, bytes) else written.encode()
    seed.write_bytes(content)
    with pytest.raises(BadRequest, match=sentence):
        rewrite(seed)
    assert seed.read_bytes() == content
    assert [path.name for path in seed.parent.glob("*recipes*")] == ["recipes.csv"]


def test_a_file_that_is_none_or_may_not_be_written_is_told(
    seed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadRequest, match=r"nowhere\.csv: No such file or directory; name a"):
        rewrite(Path("nowhere.csv"))
    with pytest.raises(BadRequest, match=r"models: Is a directory; name a"):
        rewrite(Path("models"))

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryDirectory", refused)
    with pytest.raises(BadRequest, match="Permission denied; name a"):
        rewrite(seed)
    assert seed.read_text() == BEFORE


def test_in_a_checkout_whose_own_file_it_is_all_come_in_full(
    seed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pairlake.lake.wide_recipes.ROOT", Path.cwd())
    assert rewrite(seed).full == [row[0] for row in _read(BEFORE)[1:]]
    assert _blocks(seed)["laion_5b"] == _in_full("laion_5b")


def test_commands_say_what_to_do_with_a_file_of_before(seed: Path) -> None:
    def said() -> str:
        done = CliRunner().invoke(main, ["enrich"])
        assert done.exit_code == 1
        return done.output

    assert said() == (
        "Error: models/seeds/recipes.csv has a column for each rule, as it was before; run: "
        "pairlake recipes models/seeds/recipes.csv\n"
    )
    seed.write_text("recipe,like,rule,value\nmine,,source,a paper, and more\n")
    assert "has 5 cells in line 2, and not recipe,like,rule,value; write what holds" in said()
    seed.write_text("recipe;like;rule;value\n")
    assert "begins with 'recipe;like;rule;value'; its first line is recipe,like," in said()
    assert "rule,value: save it with commas between the cells.\n" in said()
    for nothing in ("", ",,,\n , ,,\n"):
        seed.write_text(f"recipe,like,rule,value\n{nothing}")
        assert "recipes.csv has no recipe; write the rows of one below its first line" in said()
    seed.write_bytes(b"\xff\xfe")
    assert "cannot be read" in said()
    # As an older `pairlake init` left it, with models that read the file as it is.
    seed.write_text(BEFORE)
    Path(RULES).unlink()
    assert "laid out by an older pairlake" in said()
    with pytest.raises(BadRequest, match=r"lay it out anew beside it \(pairlake init\)"):
        rewrite(seed)
    assert seed.read_text() == BEFORE
