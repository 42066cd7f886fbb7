"""A filter means the same to the search index and to the lake, whatever its values hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from uuid import UUID

import duckdb
import lancedb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from lancedb.table import Table

from pairlake.serve.search import filters as filters_by
from pairlake.serve.search.facts import Columns, Score
from pairlake.serve.search.filters import BadFilter, Filter, lance, sql

TEXTS = ["it's", 'a "b"', "a\\b' or 1=1 --", "%_", "", None, "猫", "a,b", "l\n\0a\\", "a"]
NUMBERS = [0.1, 0.5, None, 0.7, 1.0, -0.5, 0.0, 2.0, 3.5, 0.25]
Rows = tuple[Table, duckdb.DuckDBPyConnection]
KEYS = [UUID(int=n) for n in range(10)]
COLUMNS = Columns(
    [
        Score(
            kind=name,
            score=name,
            label=name,
            lowest=0.0,
            highest=1.0,
            keys=["image_id"],
            comparison="<=",
            hidden_above=None,
        )
        for name in ("aesthetic_score", "punsafe", "image_sharpness")
    ]
)


def parse(texts: list[str]) -> list[Filter]:
    """Filters on the columns of the tests."""
    return filters_by.parse(texts, COLUMNS)


@pytest.fixture(scope="module")
def rows(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Rows]:
    """The same ten rows in an index and in a table of DuckDB."""
    columns = {
        "pair_id": pa.array([key.bytes for key in KEYS], pa.binary(16)),
        "caption": pa.array(TEXTS, pa.string()),
        "aesthetic_score": pa.array(NUMBERS, pa.float64()),
        "sample_id": pa.array([2**62 + n for n in range(10)], pa.int64()),
    }
    index = lancedb.connect(tmp_path_factory.mktemp("index")).create_table(
        "pairs", pa.table(columns)
    )
    con = duckdb.connect()
    con.register("arrow", pa.table(columns))
    con.execute("create table pairs as select * replace (hex(pair_id)::uuid as pair_id) from arrow")
    yield index, con
    con.close()


def _both(rows: Rows, filters: list[Filter]) -> tuple[set[int], set[int]]:
    index, con = rows
    found = index.search().where(lance(filters)).limit(100).to_arrow()["sample_id"].to_pylist()
    condition, parameters = sql(filters)
    query = f"select sample_id from pairs where {condition}"
    return set(found), {n for (n,) in con.execute(query, parameters).fetchall()}


# What ends a literal, a statement or a comment in some engine, and what may be lost on the way.
_FRAGMENTS = ["'", "\\", '"', "`", "--", "/*", "*/", ";", ")", "(", "%", "_", "$1", "?", "X'41'"]
_FRAGMENTS += ["\\x27", "\\u0027", " or true", "猫", "é", "😀", "a", " "]
_FRAGMENTS += ["\0", "\n", "\r", "\u2028", "\ufeff", "\uff07"]
_HOSTILE = st.one_of(
    st.sampled_from([text for text in TEXTS if text is not None]),
    st.lists(st.sampled_from(_FRAGMENTS), max_size=8).map("".join),
    st.text(),
)
_HOLDS: dict[str, Callable[[bytes, list[bytes]], bool]] = {
    "=": lambda text, values: text == values[0],
    "!=": lambda text, values: text != values[0],
    "<": lambda text, values: text < values[0],
    "<=": lambda text, values: text <= values[0],
    ">": lambda text, values: text > values[0],
    ">=": lambda text, values: text >= values[0],
    "contains": lambda text, values: values[0] in text,
    "in": lambda text, values: text in values,
}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(operator=st.sampled_from(list(_HOLDS)), values=st.lists(_HOSTILE, min_size=1, max_size=3))
@example(operator="=", values=["\\' or true)) --"])
@example(operator="contains", values=["\\' or length(repeat(chr(120), 9)) > 0)) --"])
@example(operator="in", values=["\\", " or true) or caption in (", "\0"])
def test_no_text_leaves_its_literal(rows: Rows, operator: str, values: list[str]) -> None:
    given_values = tuple(values if operator == "in" else values[:1])
    index, lake = _both(rows, [Filter("caption", operator, given_values)])
    encoded = [value.encode() for value in given_values]
    expected = {
        2**62 + n
        for n, text in enumerate(TEXTS)
        if text is not None and _HOLDS[operator](text.encode(), encoded)
    }
    assert index == lake == expected


@settings(max_examples=200)
@given(values=st.lists(_HOSTILE, min_size=1, max_size=3), quote=st.sampled_from("'\""))
@example(values=["'", '"', ","], quote="'")
@example(values=["", "(", "')"], quote='"')
def test_a_text_in_quotes_is_the_text_within(values: list[str], quote: str) -> None:
    quoted = [quote + value.replace(quote, quote * 2) + quote for value in values]
    listed = " , ".join(quoted)
    for text in (f"caption in {listed}", f"caption in({listed})"):
        assert parse([text]) == [Filter("caption", "in", tuple(values))]
    assert parse([f"caption!={quoted[0]}"]) == [Filter("caption", "!=", (values[0],))]


@pytest.mark.parametrize("column", COLUMNS)
def test_a_hostile_value_of_any_column_is_a_value_or_refused(rows: Rows, column: str) -> None:
    index, _ = rows
    for value in ("\\' or true)) --", "0) or true --", "X'00' or true", "1 or 1=1", "nan", "0x1"):
        try:
            condition = lance(parse([f"{column} = {value}"]))
        except BadFilter:
            assert COLUMNS[column].kind != "text"
        else:
            assert COLUMNS[column].kind == "text"
            # What is left of it outside of the digits is what every such filter has.
            left = re.sub(r"X'[0-9a-f]*'", "", condition or "")
            assert left == f"({column} = cast( as string))"
    assert index.count_rows() == len(TEXTS)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("aesthetic_score >= 0.5", {1, 3, 4, 7, 8}),
        ("aesthetic_score>2.0", {8}),
        ("aesthetic_score < 0", {5}),
        ("aesthetic_score != 0.5", {0, 3, 4, 5, 6, 7, 8, 9}),
        ("aesthetic_score is null", {2}),
        ("aesthetic_score IS NOT NULL", {0, 1, 3, 4, 5, 6, 7, 8, 9}),
        ("caption is null", {5}),
        ("caption = it's", {0}),
        ("caption contains a", {1, 2, 7, 8, 9}),
        ("caption in a, it's", {0, 9}),
        ("caption = 'a'", {9}),
        ('caption == "it\'s"', {0}),
        ("caption = 'it''s'", {0}),
        ("caption = ''", {4}),
        ("caption contains '", {0, 2}),
        ("caption <> 'a'", {0, 1, 2, 3, 4, 6, 7, 8}),
        ("caption contains ' \"b'", {1}),
        ("caption in ('a', 'a,b',\"it's\")", {0, 7, 9}),
        ("caption in (a,猫)", {6, 9}),
        ("aesthetic_score >= '2.0'", {7, 8}),
        (f"sample_id = {2**62 + 3}", {3}),
        # The largest that are taken.
        (f"sample_id < {2**63 - 1}", set(range(10))),
        (f"sample_id >= {1 - 2**63}", set(range(10))),
        ("aesthetic_score <= 3.4e38", {0, 1, 3, 4, 5, 6, 7, 8, 9}),
        (f"pair_id in {KEYS[1]},{KEYS[4]}", {1, 4}),
        (f"pair_id != {KEYS[1]}", {0, 2, 3, 4, 5, 6, 7, 8, 9}),
    ],
)
def test_what_a_filter_finds(rows: Rows, text: str, found: set[int]) -> None:
    index, lake = _both(rows, parse([text]))
    assert index == lake == {2**62 + n for n in found}


def test_all_filters_must_hold(rows: Rows) -> None:
    index, lake = _both(rows, parse(["aesthetic_score > 0", "caption contains a"]))
    assert index == lake == {2**62 + n for n in (1, 7, 8, 9)}
    assert lance([]) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "cannot be read"),
        ("caption = \udce9", "bytes that are no UTF-8"),
        ("width", "cannot be read"),
        ("1 = 1", "no column '1'"),
        ("secret = 1", "There is no column 'secret'"),
        ("width > wide", "'wide', which is not a number"),
        ("width > 1e3", "'1e3', which is not a number"),
        ("width < 2147483648", "'2147483648', which is not a number that it can be"),
        ("hash = -9223372036854775808", "which is not a number that it can be"),
        ("sample_id in 1,99999999999999999999", "which is not a number that it can be"),
        ("similarity > 1e39", "'1e39', which is not a number"),
        ("punsafe > nan", "'nan', which is not a number"),
        ("pair_id = 7", "'7', which is not an id"),
        ("pair_id > 00000000-0000-0000-0000-000000000000", "compare it with =, != or in"),
        ("width contains 1", "is no text"),
        ("language = 'en' and width > 2", "comes more than a filter has"),
        ("language in 'en' 'fr', de", "comes more than a filter has"),
        ("width in " + ",".join(["1"] * 1_001), "1,000 at most"),
    ],
)
def test_what_cannot_be_read_is_said(text: str, reason: str) -> None:
    with pytest.raises(BadFilter, match=reason):
        parse([text])


def test_every_column_of_the_index_but_its_own_can_be_filtered() -> None:
    from pairlake.serve.search.index import pairs_schema

    names = set(pairs_schema(COLUMNS, 8).names)
    assert names - {"facts", "fingerprint", "image_vector", "caption_vector"} == set(COLUMNS)
