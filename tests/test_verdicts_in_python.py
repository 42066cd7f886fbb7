"""What SQL alone decides is found where it is planted in Python."""

from __future__ import annotations

import pytest

from tests.verdicts_in_python import numbers_beside_scores, reasons_in_sql

SCORES = {"punsafe", "toxicity", "similarity"}


@pytest.mark.parametrize(
    "planted",
    [
        'SQL = "where punsafe <= 0.5"',
        'SQL = "where pairs.punsafe>.5 or x"',
        'SQL = "where coalesce(pairs.toxicity, 1) >= 0.25"',
        'SQL = "having any_value(toxicity) = 1"',
        'SQL = "where toxicity::double < 3e-1"',
        'SQL = "where similarity between 0.2 and 0.3"',
        'SQL = "where similarity not between low and 0.3"',
        'SQL = "where similarity in (0.2, 0.3)"',
        'SQL = "where 0.28 <= similarity"',
        'SQL = "where 0.28::float <= coalesce(pairs.similarity, 0)"',
        "SQL = f'select {columns} from {table} where \"punsafe\" > 0.5'",
        'SQL = f"where punsafe > {0.5}"',
        'UNSAFE = 0.5\nSQL = f"where punsafe > {UNSAFE}"',
        "UNSAFE = 0.5\nfound = [hit for hit in hits if hit.punsafe >= UNSAFE]",
        "is_unsafe = hit.punsafe > 0.5",
        "is_unsafe = 0.5 < punsafe",
        "is_alike = -0.1 <= similarity <= high",
        'is_unsafe = row["punsafe"] > 0.5',
        'is_unsafe = row.get("punsafe", 1) > 0.5',
        "is_unsafe = (hit.punsafe or 0) > 0.5",
        "is_unsafe = float(hit.punsafe) != 1",
    ],
)
def test_a_number_beside_a_score_is_found(planted: str) -> None:
    assert len(numbers_beside_scores(planted, SCORES)) == 1


@pytest.mark.parametrize(
    "harmless",
    [
        '"""Similar where similarity > 0.28."""',
        'SQL = "where punsafe <= ratings.hidden_above"',
        'SQL = "where jaro_winkler_similarity(a, b) >= 0.9"',
        'SQL = "order by similarity desc limit 10"',
        'SQL = "select toxicity, 1 as one where width >= 5"',
        "is_unsafe = hit.punsafe > above",
        "is_empty = len(similarity) == 0",
    ],
)
def test_no_other_number_is_found(harmless: str) -> None:
    assert numbers_beside_scores(harmless, SCORES) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("SQL = \"where drop_reason = 'takedown'\"", 1),
        ("SQL = f\"select {a} where reason in ('takedown', 'unsafe')\"", 2),
        ("SQL = \"where list_contains(drop_reasons, 'unsafe')\"", 1),
        ("SQL = \"where drop_reason like 'dup%'\"", 1),
        ("SQL = \"where drop_reason is distinct from 'new'\"", 1),
        ("SQL = \"where kind like 'duplicate%'\"", 1),
        ('SQL = "where drop_reason is null and is_taken_down"', 0),
        ('reason = "takedown"', 0),
        ('def f():\n    """Drops what is \'unsafe\'."""', 0),
    ],
)
def test_a_reason_in_sql_is_found(source: str, found: int) -> None:
    assert len(reasons_in_sql(source, {"takedown", "unsafe"})) == found
