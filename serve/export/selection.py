"""Which pairs an export takes of a mart: a split, filters, a query in SQL, a text to search for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from pairlake.lake.errors import BadRequest
from pairlake.lake.query import SCHEMAS
from pairlake.lake.vectors import to_blobs
from pairlake.serve.export import listed
from pairlake.serve.publish.from_marts import searchable
from pairlake.serve.search.facts import Column
from pairlake.serve.search.filters import Filter, parse, sql
from pairlake.serve.search.search import EncodeCaptions

# Gives the encoder of captions that goes by a name.
Encoder = Callable[[str], EncodeCaptions]

_CHOSEN = """
create temp table selected as
select pairs.pair_id, {rank} as rank,
from shown as pairs
{joins}
where {condition}
order by rank, pair_id
{limit}
"""
# Every pair is compared, so that the answer is exact, and the same at every time.
_NEAREST = """
inner join searchable on pairs.pair_id = searchable.pair_id
inner join lake.staging.stg_enriched__image_embeddings as images
    on searchable.image_id = images.image_id and searchable.image_model_id = images.model_id
"""
# What filters make of DuckDB's types.
_KINDS = {
    "UUID": Column("uuid", pa.binary(16)),
    "VARCHAR": Column("text", pa.string()),
    "BIGINT": Column("number", pa.int64()),
    "INTEGER": Column("number", pa.int32()),
    "FLOAT": Column("number", pa.float32()),
}
_ASKED = "semi join asked on pairs.pair_id = asked.pair_id"


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The pairs of a mart that are of the split, meet every filter, and are in a query's answer.

    Of these, with `limit`, the first by pair_id, or those whose pictures are nearest to `search`.
    """

    source: str = "pairs"
    split: str | None = None
    where: tuple[str, ...] = ()
    sql: str | None = None
    search: str | None = None
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.search is not None and not self.search.strip():
            raise BadRequest("--search is empty; give some words.")
        if self.search is not None and self.limit is None:
            raise BadRequest("--search takes the nearest pairs; say how many with --limit.")

    def filters(self, columns: Mapping[str, Column]) -> list[Filter]:
        """The split and the filters together, on the columns that there are."""
        of_split = [] if self.split is None else [Filter("split", "=", (self.split,))]
        return [*of_split, *parse(self.where, columns)]


@dataclass(frozen=True, kw_only=True)
class Selected:
    """What was selected; how many were left out, by reason; the encoders that found a text."""

    selection: Selection
    left_out: dict[str, int] = field(default_factory=dict)
    encoders: dict[str, str] = field(default_factory=dict)


def select(
    con: duckdb.DuckDBPyConnection, selection: Selection, encoder: Encoder | None = None
) -> Selected:
    """List the selected pairs of the view `shown` in the temporary table `selected`.

    Its columns are pair_id and `rank`, from 1 for the nearest, null without a search: in the order
    of (rank, pair_id) pairs are written. Raises BadRequest for what cannot be asked of this lake.
    """
    filters = selection.filters(_columns(con, selection.source))
    condition, parameters = sql(filters)
    joins, left_out = "", dict[str, int]()
    if selection.sql is not None:
        without = "not_listed" if selection.source == listed.MART else "not_kept"
        left_out[without] = _ask(con, selection.sql, selection.source)
        joins = _ASKED
    if selection.source == listed.MART:
        left_out |= listed.narrow(con, filters, joins)
    left_out["taken_down_since"] = _count(
        con,
        f"lake.marts.{selection.source} as pairs "
        f"semi join gone on pairs.pair_id = gone.pair_id {joins} where {condition}",
        parameters,
    )
    rank, encoders = "null::bigint", dict[str, str]()
    if selection.search is not None:
        encoders, vector = _query_vector(con, selection.search, encoder)
        joins += _NEAREST
        rank = "row_number() over (order by cosine(images.embedding, ?) desc, pairs.pair_id)"
        parameters = [vector, *parameters]
    limit = "" if selection.limit is None else f"limit {selection.limit}"
    con.execute(
        _CHOSEN.format(rank=rank, joins=joins, condition=condition, limit=limit), parameters
    )
    return Selected(selection=selection, left_out=left_out, encoders=encoders)


def _columns(con: duckdb.DuckDBPyConnection, source: str) -> dict[str, Column]:
    """The columns of a mart that filters can compare, as the snapshot has them."""
    described = con.execute(f"describe lake.marts.{source}").fetchall()
    return {name: _KINDS[type_] for name, type_, *_ in described if type_ in _KINDS}


def _ask(con: duckdb.DuckDBPyConnection, query: str, source: str) -> int:
    """List the answer of a query in the table `asked`; returns how many are not of the mart."""
    schemas = con.execute(
        "select schema_name from duckdb_schemas() where database_name = 'lake'"
    ).fetchall()
    path = ",".join(f"lake.{name}" for name in SCHEMAS if (name,) in schemas)
    try:
        con.execute(f"set search_path = '{path}'")
        con.execute(
            "create temp table asked as select distinct asked.pair_id::uuid as pair_id "
            f"from (\n{query.strip().removesuffix(';')}\n) as asked where asked.pair_id is not null"
        )
    except duckdb.Error as error:
        raise BadRequest(
            f"--sql is to be a query that gives a column pair_id, and cannot be answered: {error}"
        ) from error
    finally:
        con.execute("reset search_path")
    return _count(con, f"asked anti join lake.marts.{source} as pairs using (pair_id)")


def _query_vector(
    con: duckdb.DuckDBPyConnection, text: str, encoder: Encoder | None
) -> tuple[dict[str, str], bytes]:
    """The encoders of the recipe by their names, and a text's vector, as embeddings are kept."""
    if encoder is None:
        raise BadRequest("There is no encoder to search with; leave --search out.")
    found = searchable(con)
    if not found.rows:
        raise BadRequest("No kept pair has vectors to search; run: pairlake enrich, then dbt build")
    vectors = np.asarray(encoder(found.caption_encoder)([text.strip()]), np.float32)
    encoders = {"image_encoder": found.image_encoder, "caption_encoder": found.caption_encoder}
    return encoders, to_blobs(vectors)[0].as_py()


def _count(con: duckdb.DuckDBPyConnection, rows: str, parameters: list[Any] | None = None) -> int:
    query = f"select count(distinct pair_id) from {rows}"
    found = con.execute(query, parameters or []).fetchone()
    return int(found[0]) if found else 0
