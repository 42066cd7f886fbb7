"""SQL lists in several places what a recipe's models make: all of these lists name the same."""

from __future__ import annotations

import csv
import re

from pairlake.lake.project import ROOT
from tests.macro import returned

SEED = "models/seeds/recipes.csv"
MODELS = "models/intermediate/recipes/int_recipe_models.sql"
RESOLVED = "models/intermediate/recipes/int_recipes_resolved.sql"
UNSCORED = "models/intermediate/worklists/int_images_unscored.sql"
RULES = "macros/rules.sql"
# What pairs are not rated by: each has rules of its own.
APART = {"language_model", "image_hash_model", "similarity_model_en", "similarity_model_other"}


def _read(path: str) -> str:
    return (ROOT / path).read_text()


def _found(path: str, pattern: str, begin: str = "", end: str = r"\Z") -> set[str]:
    """What `pattern` finds in a file, between `begin` and the first `end` after it."""
    within = re.search(f"{begin}(.*?){end}", _read(path), re.DOTALL)
    assert within, f"{path} has no {begin}"
    return set(re.findall(pattern, within[1]))


def _lists(models: set[str]) -> dict[str, tuple[set[str], set[str]]]:
    """Of each list: what stands in it, and what has to."""
    scored = {model for model in models if not model.startswith("similarity")}
    ratings = returned("ratings.sql", "ratings()")
    rated = {f"{rating['kind']}_model" for rating in ratings}
    of_images = {rating["kind"] for rating in ratings if rating["key"] == ["image_id"]}
    image_scores = {rating["score"] for rating in ratings if rating["key"] == ["image_id"]}
    kinds = {model.removesuffix("_model") for model in APART & scored}
    return {
        "macros/ratings.sql": (rated, models - APART),
        f"{MODELS}, names": (_found(MODELS, r"'name': (\w+_model)\b"), APART & scored),
        f"{MODELS}, kinds": (_found(MODELS, r"\{ 'kind': '(\w+)'"), kinds),
        f"{MODELS}, similarities": (_found(MODELS, r"recipes\.(\w+_model_\w+)"), models - scored),
        f"{RESOLVED}, kinds": (_found(RESOLVED, r"'(\w+)': '\w+'"), APART),
        f"{RULES}, if_known": (
            _found(RULES, r"if_known\('(\w+)_id', '\w+'\)"), APART & scored
        ),
        f"{UNSCORED}, kinds": (_found(UNSCORED, r"'(\w+)': \("), of_images),
        f"{UNSCORED}, scores": (_found(UNSCORED, r": \('(\w+)', "), image_scores),
    }  # fmt: skip


def test_all_lists_of_models_and_scores_name_what_recipes_name() -> None:
    with (ROOT / SEED).open(newline="") as seed:
        header = next(csv.reader(seed))
    models = {column for column in header if "_model" in column}
    assert models > APART
    wrong = [
        f"{name} lacks {sorted(wanted - found) or 'nothing'}"
        + (f" and has {sorted(found - wanted)} besides" if found - wanted else "")
        for name, (found, wanted) in _lists(models).items()
        if found != wanted
    ]
    assert not wrong, "\n".join(wrong)
