"""What has to stand beside the list of scores, and fails silently without, names the same ones."""

from __future__ import annotations

import re

from pairlake.lake.project import ROOT
from tests.macro import ratings, recipe_rules

COLUMNS = "macros/recipes.sql"
MODELS = "models/intermediate/recipes/int_recipe_models.sql"
RESOLVED = "models/intermediate/recipes/int_recipes_resolved.sql"
RULES = "macros/rules.sql"
# What pairs are not rated by: each has rules of its own.
ALONE = {"language_model", "image_hash_model"}
SIMILARITIES = {"similarity_model_en", "similarity_model_other"}


def _found(path: str, pattern: str) -> set[str]:
    return set(re.findall(pattern, (ROOT / path).read_text()))


def _columns_of_models() -> set[str]:
    return {rule["rule"] for rule in recipe_rules() if "_model" in rule["rule"]}


def _lists() -> dict[str, tuple[set[str], set[str]]]:
    """Of each list: what stands in it, and what has to."""
    rated = {f"{rating['kind']}_model" for rating in ratings()}
    return {
        COLUMNS: (_columns_of_models(), rated | ALONE | SIMILARITIES),
        f"{MODELS}, names": (_found(MODELS, r"'name': (\w+_model)\b"), ALONE),
        f"{MODELS}, similarities": (_found(MODELS, r"recipes\.(\w+_model_\w+)"), SIMILARITIES),
        RESOLVED: (_found(RESOLVED, r"'(\w+)': '\w+'"), ALONE | SIMILARITIES),
        RULES: (_found(RULES, r"if_known\('(\w+)_id', '\w+'\)"), ALONE),
    }


def test_all_lists_of_models_and_scores_name_what_recipes_name() -> None:
    wrong = [
        f"{name} lacks {sorted(wanted - found) or 'nothing'}"
        + (f" and has {sorted(found - wanted)} besides" if found - wanted else "")
        for name, (found, wanted) in _lists().items()
        if found != wanted
    ]
    assert not wrong, "\n".join(wrong)
