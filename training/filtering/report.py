"""Prints what the trained models can do, set by set, and whether each filter earns its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isnan
from statistics import mean
from typing import Any

from benchmarks.harness.tables import heading, note, table
from training.filtering.drawings import STRANGER
from training.filtering.plan import (
    CONTROLS,
    CROSSED,
    DEDUPLICATED,
    FORM,
    HALVES,
    KEPT,
    ROUNDS,
    SETS,
    TRUTH,
)

OURS = "openmoji"
_ALL = "14 languages"
# What the table of all sets shows: (gallery, language, measure) and its title.
_SHOWN = (
    ("English top-1", (OURS, "en", "top1")),
    ("all languages top-1", (OURS, _ALL, "top1")),
    ("recall@1", (OURS, _ALL, "recall1")),
    ("recall@10", (OURS, _ALL, "recall10")),
    ("Fluent top-1", (STRANGER, _ALL, "top1")),
    ("Fluent recall@10", (STRANGER, _ALL, "recall10")),
)
_JUDGED_BY = ("auc", "precision", "recall")
_DECIDES = (OURS, _ALL, "top1")
# The filter or what else is asked after, what it leaves, and what it is to be better than.
_QUESTIONS = (
    ("form filters", FORM, "everything"),
    ("similarity filter", KEPT, FORM),
    ("similarity filter, at equal number", KEPT, "of form, as many as kept"),
    ("deduplication", DEDUPLICATED, KEPT),
    ("deduplication, at equal number", DEDUPLICATED, "of kept, as many as deduplicated"),
    ("the truth, beside what is kept", TRUTH, KEPT),
    ("the truth, at equal number", "of truth, as many as kept", KEPT),
    ("round 1, beside form", ROUNDS[0], FORM),
    ("round 2, beside round 1", ROUNDS[1], ROUNDS[0]),
    ("by halves, beside form", CROSSED, FORM),
)

Key = tuple[str, str, str]
Models = Mapping[str, Sequence[Mapping[str, Any]]]


def report(levels: Sequence[str], results: Sequence[Mapping[str, Any]]) -> None:
    """Print all tables; the last level is the noisiest, and has most."""
    noisiest = levels[-1]
    for level in reversed(levels):
        models = _by_set(results, level)
        if level != noisiest:
            models |= {TRUTH: _by_set(results, noisiest)[TRUTH]}
        heading(f"What a model learns, the web of noise “{level}”")
        _sets(models)
        heading(f"Does each filter earn its place? (“{level}”)")
        _questions(models)
    models = _by_set(results, noisiest)
    for title, measure in (("Zero-shot top-1", "top1"), ("Retrieval, recall@10", "recall10")):
        heading(f"{title} by language (“{noisiest}”)")
        _languages(models, measure)
    heading(f"Models as filters (“{noisiest}”)")
    _filters(models)


def _by_set(results: Sequence[Mapping[str, Any]], level: str) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for model in sorted(results, key=lambda model: int(model["seed"])):
        if model["level"] == level:
            found.setdefault(str(model["set"]), []).append(model)
    return found


def _sets(models: Models) -> None:
    columns = ["trained on", "pairs", "right", "English", "images", *(name for name, _ in _SHOWN)]
    rows = [
        (
            one,
            round(mean(model["pairs"] for model in models[one])),
            _share(models[one], "right"),
            _share(models[one], "english"),
            round(mean(model["images"] for model in models[one])),
            *(spread([_value(model, key) for model in models[one]]) for _, key in _SHOWN),
        )
        for one in (*SETS, *CONTROLS, *ROUNDS, CROSSED)
        if one in models
    ]
    table(columns, rows)
    note("Mean over the seeds, and lowest to highest.")


def _share(models: Sequence[Mapping[str, Any]], what: str) -> str:
    return f"{mean(model[what] / model['pairs'] for model in models):.3f}"


def _questions(models: Models) -> None:
    rows = [
        (what, f"{one} - {other}", *_verdict(models[one], models[other]))
        for what, one, other in _QUESTIONS
        if one in models and other in models
    ]
    table(("what", "difference", "top-1, all languages", "of three seeds better"), rows)


def _verdict(
    models: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]]
) -> tuple[str, int]:
    # The seeds are pairs: each starts from the same numbers.
    gains = [
        _value(one, _DECIDES) - _value(other, _DECIDES)
        for one, other in zip(models, others, strict=True)
    ]
    return spread(gains, "+.3f"), sum(gain > 0 for gain in gains)


def _languages(models: Models, measure: str) -> None:
    shown = [one for one in SETS if one in models]
    languages = list(models[shown[0]][0]["measures"][OURS])
    table(
        ("language", *shown),
        [
            (
                language,
                *(spread([_value(model, (OURS, language, measure)) for model in models[one]])
                  for one in shown),
            )
            for language in (*languages, _ALL)
        ],
    )  # fmt: skip


def _filters(models: Models) -> None:
    shown = [one for one in (FORM, *ROUNDS, *HALVES, KEPT, TRUTH) if one in models]
    table(
        ("model trained on", "judges", "AUC", "precision", "recall"),
        list(_filter_rows(models, shown)),
    )


def _filter_rows(models: Models, shown: Sequence[str]) -> Iterator[tuple[object, ...]]:
    for one in shown:
        judged = "the other half" if one in HALVES else "all of good form"
        for what, facts in ((judged, "as_filter"), ("its own pairs", "as_filter_of_its_own")):
            told = [model[facts] for model in models[one]]
            figures = (spread([facts[name] for facts in told]) for name in _JUDGED_BY)
            yield (one, what, *figures)


def spread(values: Sequence[float], form: str = ".3f") -> str:
    """The mean, and lowest to highest; nothing where that cannot be told."""
    if any(map(isnan, values)):
        return ""
    return f"{mean(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def _value(model: Mapping[str, Any], key: Key) -> float:
    gallery, language, measure = key
    by_language = model["measures"][gallery]
    if language == _ALL:
        return mean(float(one[measure]) for one in by_language.values())
    return float(by_language[language][measure])
