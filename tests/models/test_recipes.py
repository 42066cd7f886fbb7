"""What recipes.csv comes to, and the sentence that a mistake in any of its cells is told by."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
import yaml
from jinja2 import Template

from pairlake.ingest.images.formats import DECODED
from pairlake.lake.project import RECIPES, ROOT
from tests.macro import recipe_rules, rendered

Row = tuple[str, str, str, str]

MODELS = ROOT / "models" / "intermediate" / "recipes"
# Of what rules take, what is written wrong, and what is told.
FLOAT = {
    "{high}1": "is '{high}1': write a number from {low} to {high}.",
    "o.5": "is 'o.5': write a number from {low} to {high}.",
    "0,5": "is '0,5': write a number from {low} to {high}.",
    "nan": "is 'nan': write a number from {low} to {high}.",
    "inf": "is 'inf': write a number from {low} to {high}.",
    " 0.5": "blanks",
}
COUNT = {
    "-1": "is '-1': write a whole number of 0 or more.",
    "5.5": "is '5.5': write a whole number of 0 or more.",
    "five": "is 'five': write a whole number of 0 or more.",
    "5 000": "is '5 000': write a whole number of 0 or more.",
    "3000000000": "is '3000000000': write a whole number of 0 or more.",
    "5\t": "blanks",
}
# Of a model's name nobody but the job can say whether there is such a model; it does.
MODEL = {"cld 3": "is 'cld 3': write the name of a model.", "cld3\u00a0": "blanks"}
COMPARED = {
    "ViT-B-32": "has 'ViT-B-32': write ViT-B-32/openai, or a name of "
    "models/seeds/similarity_models.csv, or add it there.",
    "clop": "has 'clop': write a name of models/seeds/similarity_models.csv, or add it there.",
}
CODES = "codes of languages with a blank between, such as: en de."
USES = "one of these: search train train_generative ai_input mine."
FORMATS = "some of these with a blank between: jpeg png webp gif bmp avif."
FAMILIES = (
    "families of models/seeds/licences.csv, without version, with a blank between, such as: "
    "CC0 CC-BY."
)
WRONG: dict[str, dict[str, str]] = {
    "source": {"me ": "blanks"},
    "use": {
        "trains": f"has 'trains': write train, or {USES}",
        "search train": f"has 'search train': write {USES}",
        "crawl": f"has 'crawl': write {USES}",
    },
    "unknown_wishes": {"forbid": "has 'forbid': write keep or drop."},
    "synthetic_images": {"drops": "has 'drops': write drop, or keep or drop."},
    "only_alt": {"no": "is 'no': write true or false."},
    "licences": {
        "CC-BY-4.0": f"has 'CC-BY-4.0': write CC-BY-NC, or {FAMILIES}",
        "CC0 cc-by": f"has 'cc-by': write CC-BY, or {FAMILIES}",
        "open": f"has 'open': write {FAMILIES}",
    },
    "page_language": {"page": "is 'page': write true or false."},
    "only_src": {
        "yes": "is 'yes': write true or false.",
        "tru": "is 'tru': write true or false.",
    },
    "agents_like_us": {"GPTBot": "is 'GPTBot': write true or false."},
    "languages": {
        "English": f"has 'English': write {CODES}",
        "en DE": f"has 'DE': write de, or {CODES}",
        "en,de": f"has 'en,de': write {CODES}",
        "en  de": "has two blanks in a row: leave one.",
    },
    "image_formats": {
        "jpeg jpg": f"has 'jpg': write jpeg, or {FORMATS}",
        "jpeg;png": f"has 'jpeg;png': write {FORMATS}",
    },
    "max_aspect_ratio": {
        "0.3": "is '0.3': write a number of 1 or more.",
        "3:1": "is '3:1': write a number of 1 or more.",
    },
    "top_similarity_fraction": {
        "0": "is '0': write a number above 0, and 1 at most.",
        "30": "is '30': write a number above 0, and 1 at most.",
        "30%": "is '30%': write a number above 0, and 1 at most.",
    },
    "duplicates": {
        "urls": "has 'urls': write url, or one of these: none url image near.",
        "url image": "has 'url image': write one of these: none url image near.",
        "yes": "has 'yes': write one of these: none url image near.",
    },
}


def _wrong_values() -> Iterator[tuple[str, str, str]]:
    """Each rule, what is written wrong for it, and what is told."""
    for rule in recipe_rules():
        name = rule["rule"]
        low, high = rule.get("between", ("", ""))
        by_type = {"INTEGER": COUNT, "FLOAT": FLOAT}.get(rule["type"], MODEL)
        by_name = COMPARED if name.startswith("similarity_model") else by_type
        for value, told in WRONG.get(name, by_name).items():
            value, told = (text.format(low=low, high=high) for text in (value, told))
            yield name, value, told


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """The models of recipes over an empty seed, without dbt."""
    with duckdb.connect() as connection:
        connection.execute('create table recipes (recipe text, "like" text, rule text, value text)')
        for name in ("similarity_models", "licences"):
            seed = ROOT / "models" / "seeds" / f"{name}.csv"
            connection.execute(f"create table {name} as from read_csv('{seed}')")
        connection.execute(f"create view int_recipe_rules as {_model('int_recipe_rules')}")
        connection.execute(f"create view int_recipe_mistakes as {_model('int_recipe_mistakes')}")
        yield connection


def _model(name: str) -> str:
    macros = {
        "recipe_rules": recipe_rules,
        "most_like": lambda *words: rendered("recipes.sql", f"most_like{words}"),
        "without_blanks": lambda cell: rendered("recipes.sql", f"without_blanks('{cell}')"),
        "ref": lambda model: model,
        "config": lambda **_: "",
    }
    written = (MODELS / f"{name}.sql").read_text()
    return Template(written, extensions=["jinja2.ext.do"]).render(macros)


def _shipped() -> list[Row]:
    with (ROOT / RECIPES).open(newline="") as seed:
        return [(a, b, c, d) for a, b, c, d in list(csv.reader(seed))[1:]]


def _write(con: duckdb.DuckDBPyConnection, rows: list[Row]) -> None:
    con.execute("delete from recipes")
    if rows:
        nulls = [[cell or None for cell in row] for row in rows]
        con.executemany("insert into recipes values (?, ?, ?, ?)", nulls)


def _mistakes(con: duckdb.DuckDBPyConnection, rows: list[Row]) -> list[str]:
    _write(con, rows)
    return [told for (told,) in con.execute("select mistake from int_recipe_mistakes").fetchall()]


def _recipes(con: duckdb.DuckDBPyConnection, rows: list[Row]) -> dict[str, dict[str, Any]]:
    """The wide form: each recipe's rules that are not off."""
    _write(con, rows)
    wide = con.sql(_model("int_recipes"))
    return {
        row[0]: {n: v for n, v in zip(wide.columns, row, strict=True) if v is not None}
        for row in wide.fetchall()
    }


def test_the_shipped_recipes_are_right_and_have_a_column_for_each_rule(
    con: duckdb.DuckDBPyConnection,
) -> None:
    assert _mistakes(con, _shipped()) == []
    wide = con.sql(_model("int_recipes"))
    types = dict(zip(wide.columns, map(str, wide.types), strict=True))
    assert types == {"recipe": "VARCHAR"} | {rule["rule"]: rule["type"] for rule in recipe_rules()}


def test_a_recipe_takes_over_what_it_does_not_say(con: duckdb.DuckDBPyConnection) -> None:
    base: list[Row] = [
        ("base", "", "source", "a paper"),
        ("base", "", "min_similarity_en", "0.26"),
        ("base", "", "similarity_model_en", "mini_clip"),
        ("base", "", "min_image_bytes", "5000"),
        ("base", "", "duplicates", "url"),
        ("base", "", "use", "mine"),
    ]
    rows: list[Row] = [
        ("third", "second", "source", "mine"),
        ("third", "", "min_image_bytes", "7000"),
        ("second", "", "source", "another"),
        ("second", "base", "min_image_bytes", ""),
        ("second", "base", "duplicates", "near"),
        # A dataset is for some use: wishes on it are never switched off.
        ("second", "base", "use", ""),
    ]
    similarity = {"min_similarity_en": 0.25999999046325684, "similarity_model_en": "mini_clip"}
    found = _recipes(con, rows + base)
    assert found["base"] == similarity | {
        "recipe": "base", "source": "a paper", "min_image_bytes": 5000, "duplicates": "url",
        "use": "mine",
    }  # fmt: skip
    second = similarity | {
        "recipe": "second", "source": "another", "duplicates": "near", "use": "train"
    }  # fmt: skip
    assert found["second"] == second
    assert found["third"] == second | {
        "recipe": "third", "source": "mine", "min_image_bytes": 7000
    }  # fmt: skip


@pytest.fixture(scope="module")
def told_of_values(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], list[str]]:
    """What is told of each wrong value, each in a recipe of its own, of one file."""
    wrong = list(_wrong_values())
    rows: list[Row] = [(f"r{n}", "", rule, value) for n, (rule, value, _) in enumerate(wrong)]
    told: dict[tuple[str, str], list[str]] = {(rule, value): [] for rule, value, _ in wrong}
    for sentence in _mistakes(con, rows):
        recipe, _, what = sentence.removeprefix("The recipe r").partition(": ")
        rule, value, _ = wrong[int(recipe)]
        told[rule, value].append(what)
    return told


@pytest.mark.parametrize(("rule", "value", "sentence"), list(_wrong_values()))
def test_a_value_that_is_none_is_told(
    rule: str, value: str, sentence: str, told_of_values: dict[tuple[str, str], list[str]]
) -> None:
    around = f"blanks are around '{value}': take them out."
    expected = around if sentence == "blanks" else f"{rule} {sentence}"
    assert told_of_values[rule, value] == [expected]


@pytest.mark.parametrize(
    ("cell", "typo", "sentence"),
    [
        ("recipe", "laion_artt", "laion_artt: it has no source: add the row laion_artt,,source,"
         "WHERE IT COMES FROM, or write laion_art if that is meant."),
        ("recipe", " laion_art", "laion_art: blanks are around ' laion_art': take them out."),
        ("recipe", "", "A row with the rule 'above_aesthetic_score' and the value '8' names no "
         "recipe: write it into the first cell, or take the row out."),
        ("like", "laion_aesthetic_v1", "laion_art: it is like 'laion_aesthetic_v1', which is no "
         "recipe: write laion_aesthetics_v1."),
        ("like", "vogue", "laion_art: it is like 'vogue', which is no recipe: write one of "
         "cc_open, "),
        ("like", "laion_art", "laion_art: it is like itself: name another, or none."),
        ("like", "", "laion_art: it does not say what duplicates are: add the row "
         "laion_art,,duplicates,none, or with url, image or near in place of none."),
        ("like", "laion_aesthetics_v1 ", "laion_art: blanks are around 'laion_aesthetics_v1 '"),
        ("like", "demo", "laion_art: above_aesthetic_score is there without aesthetic_model: name "
         "that, or take above_aesthetic_score out."),
        ("rule", "above_aesthetics_score", "laion_art: there is no rule 'above_aesthetics_score': "
         "write above_aesthetic_score."),
        ("rule", "aesthetic_score", "laion_art: there is no rule 'aesthetic_score': write "
         "above_aesthetic_score."),
        ("rule", "beauty", "laion_art: there is no rule 'beauty': write one of source, use, "),
        ("rule", "source", "laion_art: source is there twice ('8', 'laion-prepro"),
        ("rule", "below_toxicity", "laion_art: below_toxicity is '8': write a number from 0 to 1."),
        ("rule", "", "laion_art: a row names no rule (its value is '8'): write it into the third "
         "cell, or take the row out."),
        ("rule", "above_aesthetic_score\t", "laion_art: blanks are around"),
    ],
)  # fmt: skip
def test_a_typo_in_another_cell_is_told(
    cell: str, typo: str, sentence: str, con: duckdb.DuckDBPyConnection
) -> None:
    place = ("recipe", "like", "rule").index(cell)
    rows = _shipped()
    # The row that names what it is like is its first.
    wanted = "source" if cell == "like" else "above_aesthetic_score"
    (number,) = [n for n, row in enumerate(rows) if row[0] == "laion_art" and row[2] == wanted]
    a, b, c, d = (typo if n == place else text for n, text in enumerate(rows[number]))
    rows[number] = (a, b, c, d)
    told = _mistakes(con, rows)
    assert any(each.removeprefix("The recipe ").startswith(sentence) for each in told), told


def test_no_name_can_be_mistyped_in_silence(con: duckdb.DuckDBPyConnection) -> None:
    """Of every row that ships, with a letter too much in its recipe, its like or its rule."""
    rows = _shipped()
    names = {rule["rule"] for rule in recipe_rules()}
    typos: list[Row] = []
    for n, (recipe, like, rule, value) in enumerate(rows):
        assert rule in names
        typos.append((f"{recipe}_{n}", like and f"{like}x", f"{rule}x", value))
    told = _mistakes(con, typos)
    for n, (recipe, like, rule, _) in enumerate(rows):
        assert f"The recipe {recipe}_{n}: there is no rule '{rule}x': write {rule}." in told
        assert not like or any(f"{recipe}_{n}: it is like '{like}x'" in each for each in told)
    # Without a row that its rule stands in, a recipe lacks its source, or is mistaken for another.
    for n, (recipe, like, rule, value) in enumerate(rows):
        if rule == "source":
            mistyped = [*rows[:n], (f"{recipe}x", like, rule, value), *rows[n + 1 :]]
            assert f"The recipe {recipe}: it has no source" in " ".join(_mistakes(con, mistyped))


def test_what_several_rows_say_together_is_told(con: duckdb.DuckDBPyConnection) -> None:
    def told(*rows: Row) -> list[str]:
        found = _mistakes(con, [*_shipped(), *rows])
        return sorted(each.removeprefix("The recipe mine: ") for each in found)

    mine: Row = ("mine", "", "source", "me")
    none: Row = ("mine", "", "duplicates", "none")
    assert told(mine, none) == []
    assert told(mine, none, none) == ["duplicates is there twice ('none', 'none'): leave one."]
    assert told(mine) == told(mine, ("mine", "", "duplicates", "")) == [
        "it does not say what duplicates are: add the row mine,,duplicates,none, or with url, "
        "image or near in place of none."
    ]  # fmt: skip
    assert told(none) == told(none, ("mine", "", "source", "")) == [
        "it has no source: add the row mine,,source,WHERE IT COMES FROM."
    ]  # fmt: skip
    several: list[Row] = [("mine", "demo", "duplicates", ""), ("mine", "no_filter", "only_src", "")]
    assert told(mine, *several) == [
        "it is like several recipes (demo, no_filter): name one, the same in each row or in one "
        "row alone."
    ]  # fmt: skip
    assert told(("mine", "other", "source", "me"), ("other", "mine", "source", "me")) == [
        "it is like itself by way of other: write one of them in full, with nothing under `like`."
    ]
    # As an heir of `demo` has it, and without what `demo` names.
    unsafe: Row = ("mine", "", "max_punsafe", "0.9")
    assert told(("mine", "demo", "source", "me"), unsafe) == []
    assert told(mine, none, unsafe) == [
        "max_punsafe is there without nsfw_model: name that, or take max_punsafe out."
    ]
    assert told(("mine", "demo_clean", "source", "me"), ("mine", "", "nsfw_model", "")) == [
        "below_punsafe is there without nsfw_model: name that, or take below_punsafe out by an "
        "empty value."
    ]
    assert _mistakes(con, []) == ["There is no recipe: add one."]
    assert told(mine, none, ("", "", "", ""), (" ", "", "", " ")) == []


def test_a_mistake_is_refused_with_its_sentence(con: duckdb.DuckDBPyConnection) -> None:
    mine: Row = ("mine", "", "sorce", "me")
    with pytest.raises(duckdb.InvalidInputException) as refused:
        _recipes(con, [*_shipped(), mine])
    sentence = "The recipe mine: there is no rule 'sorce': write source."
    assert str(refused.value).endswith(f"models/seeds/recipes.csv: {sentence}")
    with pytest.raises(duckdb.InvalidInputException, match="There is no recipe: add one"):
        _recipes(con, [])
    many: list[Row] = [(f"mine_{n}", "", "sorce", "me") for n in range(12)]
    with pytest.raises(duckdb.InvalidInputException, match=r'And 2 more: pairlake sql "from int_'):
        _recipes(con, many)


def test_the_recipe_that_the_page_shows_is_right(con: duckdb.DuckDBPyConnection) -> None:
    page = (ROOT / "docs" / "dataset.md").read_text()
    shown = page.partition("    recipe,like,rule,value\n")[2].partition("\n\n")[0]
    lines = csv.reader(line.strip() for line in shown.splitlines() if line.strip() != "…")
    shipped = _shipped()
    rows: list[Row] = [(a, b, c, d) for a, b, c, d in lines]
    own = [row for row in rows if row[0] == "safe_art"]
    assert len(own) == 3
    # Sources are cut there.
    assert {row[:3] for row in rows} - {row[:3] for row in own} <= {row[:3] for row in shipped}
    found = _recipes(con, shipped + own)
    changed = found["laion_art"] | found["safe_art"]
    assert found["safe_art"] == {n: v for n, v in changed.items() if n != "below_punsafe"}


def test_rules_name_what_there_is() -> None:
    rules = {rule["rule"]: rule for rule in recipe_rules()}
    assert set(DECODED) <= set(rules["image_formats"]["words"].split())
    described = yaml.safe_load((MODELS / "_recipes.yml").read_text())["models"]
    (columns,) = [model["columns"] for model in described if model["name"] == "int_recipes"]
    assert [column["name"] for column in columns] == ["recipe", *rules]
