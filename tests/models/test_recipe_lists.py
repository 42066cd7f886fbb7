"""SQL lists in several places what a recipe's models make: all of these lists name the same."""

from __future__ import annotations

import csv
import re

from pairlake.lake.project import ROOT

SEED = "models/seeds/recipes.csv"
MODELS = "models/intermediate/recipes/int_recipe_models.sql"
RESOLVED = "models/intermediate/recipes/int_recipes_resolved.sql"
UNSCORED = "models/intermediate/worklists/int_images_unscored.sql"
KEPT = "models/intermediate/judging/int_pairs_kept.sql"
RULES, MEASURED = "macros/rules.sql", "macros/measured.sql"
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
    ids = {model.replace("_model", "_model_id") for model in models}
    scored = {model for model in models if not model.startswith("similarity")}
    rated = models - APART
    score_of = dict(re.findall(r"if_known\('(\w+)_id', '(\w+)'\)", _read(RULES)))
    scores = {score_of.get(model, f"the score of {model}") for model in rated}
    tables = {model: table for table, model in re.findall(
        r"left join (\w+)\s+on\s+(?:routed\.\w+ [^\n]+\n\s+and )+routed\.(\w+_model)_id = \1\.",
        _read(MEASURED),
    )}  # fmt: skip
    of_images = {model for model in rated if tables.get(model, "image_").startswith("image_")}
    image_scores = {score_of.get(model, f"the score of {model}") for model in of_images}
    kinds = {model.removesuffix("_model") for model in scored}
    id_, missing = r"\w+_model_id\w*", r"is_(\w+)_missing"
    return {
        f"{MODELS}, names": (_found(MODELS, r"'name': (\w+_model)\b"), scored),
        f"{MODELS}, kinds": (_found(MODELS, r"\{ 'kind': '(\w+)'"), kinds),
        f"{MODELS}, similarities": (_found(MODELS, r"recipes\.(\w+_model_\w+)"), models - scored),
        f"{RESOLVED}, joins": (_found(RESOLVED, r"recipes\.(\w+) = \w+\.name"), models),
        f"{RESOLVED}, kinds": (_found(RESOLVED, r"\.kind = '(\w+)'"), kinds | {"similarity"}),
        f"{RESOLVED}, ids": (_found(RESOLVED, rf"model_id as ({id_})"), ids),
        f"{RESOLVED}, list_count": (_found(RESOLVED, id_, r"list_count\(\[", r"\]\)"), ids),
        f"{RESOLVED}, covers": (_found(RESOLVED, rf"covers\('({id_})'\)"), ids),
        f"{MEASURED}, joins": (set(tables), rated | {"similarity_model"}),
        f"{MEASURED}, scores": (
            _found(MEASURED, r"_\w+\.(\w+)", "pair_similarities.similarity,", "from routed"), scores
        ),
        f"{RULES}, if_known": (set(score_of), scored),
        f"{RULES}, exclude": (
            _found(RULES, r"\w+", r"pairs_measured\.\* exclude \(", r"\)") & {*scores}, scores
        ),
        f"{RULES}, is_…_missing": (
            _found(RULES, rf"as {missing}", r"flagged as", "is_out_of_reach"), scores
        ),
        f"{RULES}, reasons": (
            _found(RULES, rf"reason\('{missing}', '\1_missing'\)"),
            scores | {"language", "similarity"},
        ),
        f"{RULES}, lacks_rating": (
            _found(RULES, missing, r"as reasons,", "as lacks_rating"), scores
        ),
        f"{RULES}, is_out_of_reach": (
            _found(RULES, missing, "is_image_gone and", "as is_out_of_reach"),
            image_scores | {"similarity"},
        ),
        f"{UNSCORED}, kinds": (
            _found(UNSCORED, r"'(\w+)': \("), {m.removesuffix("_model") for m in of_images}
        ),
        f"{UNSCORED}, scores": (_found(UNSCORED, r": \('(\w+)', "), image_scores),
        f"{KEPT}, rating": (_found(KEPT, r"rating\('\w+', '(\w+)_id'\)"), rated),
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
