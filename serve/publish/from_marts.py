"""What the search index should hold: pairs of the marts with the vectors of their recipe.

Reads the mart, the recipe's models and the embeddings; writes temporary tables only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pairlake.lake.catalog import connect
from pairlake.lake.errors import JobFailed, PairlakeError, TableMissing, first_line
from pairlake.serve.search.facts import Columns, Score

_SEARCHABLE = """
create or replace temp table searchable as
with towers as (
    select
        similarities.model_id as similarity_model_id,
        image_encoders.name as image_encoder,
        image_encoders.model_id as image_model_id,
        caption_encoders.name as caption_encoder,
        caption_encoders.model_id as caption_model_id,
    from lake.intermediate.int_recipe_models as similarities
    inner join lake.seeds.similarity_models
        on similarities.name = similarity_models.similarity_model
    inner join lake.intermediate.int_recipe_models as image_encoders
        on similarity_models.image_encoder = image_encoders.name
        and image_encoders.kind = 'image_encoder'
    inner join lake.intermediate.int_recipe_models as caption_encoders
        on similarity_models.caption_encoder = caption_encoders.name
        and caption_encoders.kind = 'caption_encoder'
    where similarities.kind = 'similarity'
)
select
    pairs.pair_id,
    pairs.image_id,
    pairs.caption_id,
    pairs.split,
    towers.* exclude (similarity_model_id),
    md5(row({shown}image_model_id, caption_model_id)::varchar)::uuid as fingerprint,
from {among} as pairs
inner join towers on pairs.similarity_model_id = towers.similarity_model_id
semi join lake.staging.stg_enriched__image_embeddings as images
    on pairs.image_id = images.image_id
    and towers.image_model_id = images.model_id
    and images.outcome = 'ok'
semi join lake.staging.stg_enriched__caption_embeddings as captions
    on pairs.caption_id = captions.caption_id
    and towers.caption_model_id = captions.model_id
    and captions.outcome = 'ok'
"""

_ROWS = """
select
    {shown}
    fresh.fingerprint,
    images.embedding as image_vector,
    captions.embedding as caption_vector,
from fresh
inner join shown as pairs on fresh.pair_id = pairs.pair_id
inner join lake.staging.stg_enriched__image_embeddings as images
    on fresh.image_id = images.image_id and fresh.image_model_id = images.model_id
inner join lake.staging.stg_enriched__caption_embeddings as captions
    on fresh.caption_id = captions.caption_id and fresh.caption_model_id = captions.model_id
"""
_SCORES = """
select kind, score, label, lowest, highest, keys, comparison, hidden_above
from lake.marts.ratings
order by position
"""


@dataclass(frozen=True, kw_only=True)
class Searchable:
    """The pairs that can be searched, counted, and the encoders that made their vectors."""

    rows: int
    images: int
    unsearchable: int  # pairs without both vectors, as under a recipe without similarity
    splits: dict[str, int]
    image_encoder: str
    caption_encoder: str  # the one that made most of the captions' vectors
    aesthetic_head: str | None  # the recipe's, if it reads the image encoder's embeddings
    dimensions: int
    recipe: str
    snapshot: int


@contextmanager
def marts() -> Iterator[duckdb.DuckDBPyConnection]:
    """The lake as it is now, in one transaction: what commits meanwhile is not seen.

    Raises TableMissing if what is read inside has not been built by dbt.
    """
    con = connect(read_only=True)
    try:
        con.begin()
        yield con
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        raise TableMissing(
            f"A table that serving reads is not in the lake yet, or not as this version has it "
            f"({first_line(error)}); run: dbt build"
        ) from error
    finally:
        con.close()


def check_sound(con: duckdb.DuckDBPyConnection) -> None:
    """Raise JobFailed if a model or a test failed at the last build that it was part of."""
    present = con.execute(
        "select 1 from duckdb_tables() where database_name = 'lake' "
        "and table_name = 'int_build_failures'"
    ).fetchone()
    if present is None:
        return
    failed = con.execute(
        "select split_part(node, '.', 3) from lake.intermediate.int_build_failures "
        "order by failed_at, node"
    ).fetchall()
    if failed:
        names = ", ".join(name for (name,) in failed[:3])
        raise JobFailed(
            f"The last dbt build failed at {len(failed)} places ({names}), so that nothing new is "
            "published; see why, correct it, and run: dbt build"
        )


def scores(con: duckdb.DuckDBPyConnection) -> list[Score]:
    """The scores that pairs are rated by, as the lake lists them."""
    found = con.execute(_SCORES)
    names = [column[0] for column in found.description]
    return [Score(**dict(zip(names, row, strict=True))) for row in found.fetchall()]


def searchable(
    con: duckdb.DuckDBPyConnection, among: str = "shown", columns: Iterable[str] = ()
) -> Searchable:
    """List what has both vectors in the temporary table `searchable`, and count it.

    That is among the view `shown`, which `lake.denied` makes and the index should hold, or among
    another relation with its columns. A pair's fingerprint changes with any of `columns`.
    """
    con.execute(_SEARCHABLE.format(among=among, shown=_of_pairs(columns)))
    kept = _value(con, f"select count(*) from {among}")
    rows = _value(con, "select count(*) from searchable")
    encoders = con.execute(
        "select image_encoder, any_value(image_model_id), mode(caption_encoder) from searchable "
        "group by image_encoder order by image_encoder"
    ).fetchall()
    if len(encoders) > 1:
        raise PairlakeError(
            f"The recipe's pairs have vectors of {len(encoders)} image encoders "
            f"({', '.join(row[0] for row in encoders)}), which cannot be compared; take those of "
            "one, or give the recipe similarity models of one image encoder."
        )
    image_encoder, image_model_id, caption_encoder = encoders[0] if encoders else ("", "", "")
    splits = con.execute(
        "select split, count(*) from searchable group by split order by split"
    ).fetchall()
    return Searchable(
        rows=rows,
        images=_value(con, "select count(distinct image_id) from searchable"),
        unsearchable=kept - rows,
        splits=dict(splits),
        image_encoder=image_encoder,
        caption_encoder=caption_encoder,
        aesthetic_head=_aesthetic_head(con, image_encoder),
        dimensions=_dimensions(con, image_model_id) if rows else 0,
        recipe=_recipe(con),
        snapshot=_value(con, "select id from lake.current_snapshot()"),
    )


def compare(con: duckdb.DuckDBPyConnection, present: pa.RecordBatchReader) -> None:
    """Compare `searchable` with the index's (pair_id, fingerprint), 16 bytes each.

    Makes the temporary tables `obsolete` (pair_id: gone or changed) and `fresh` (rows of
    `searchable` that the index lacks as they are now).
    """
    con.register("present_rows", present)
    con.execute(
        "create temp table present as select hex(pair_id)::uuid as pair_id, "
        "hex(fingerprint)::uuid as fingerprint from present_rows"
    )
    con.unregister("present_rows")
    for name, source, other in (
        ("obsolete", "present", "searchable"),
        ("fresh", "searchable", "present"),
    ):
        con.execute(
            f"create temp table {name} as select {source}.* from {source} "
            f"anti join {other} using (pair_id, fingerprint)"
        )


def changed(con: duckdb.DuckDBPyConnection) -> tuple[int, int, int]:
    """After `compare`: how many pairs are to be added, updated and deleted."""
    updated = _value(con, "select count(*) from fresh semi join obsolete using (pair_id)")
    return (
        _value(con, "select count(*) from fresh") - updated,
        updated,
        _value(con, "select count(*) from obsolete") - updated,
    )


def fresh_rows(
    con: duckdb.DuckDBPyConnection, known: Columns, schema: pa.Schema, batch_rows: int
) -> Iterator[pa.Table]:
    """The rows of `fresh` in the index's schema, in tables of at most `batch_rows`."""
    for batch in con.execute(_ROWS.format(shown=_of_pairs(known))).to_arrow_reader(batch_rows):
        columns = {
            name: _as_indexed(batch[name], schema.field(name)) for name in batch.schema.names
        }
        columns["facts"] = known.packed(columns)
        yield pa.table([columns[name] for name in schema.names], schema=schema)


def _of_pairs(columns: Iterable[str]) -> str:
    return "".join(f"pairs.{column}, " for column in columns)


def _as_indexed(column: pa.Array, field: pa.Field) -> pa.Array:
    if isinstance(column, pa.ExtensionArray):
        # Ids are their bytes, and what is true or false comes in 8 bits.
        column = column.storage
    if not pa.types.is_fixed_size_list(field.type):
        return column.cast(field.type)
    values = halves(column, field.type.list_size, field.name)
    return pa.FixedSizeListArray.from_arrays(pa.array(values), field.type.list_size)


def halves(vectors: pa.Array, dimensions: int, name: str) -> NDArray[np.float16]:
    """The values of fp16 vectors as the lake keeps them, one vector after the other.

    Raises JobFailed where one is longer or shorter than the others.
    """
    # A BLOB holds fp16 values already, so they are taken as they are.
    values = np.frombuffer(b"".join(vectors.to_pylist()), dtype="<f2")
    if len(values) != len(vectors) * dimensions:
        raise JobFailed(
            f"Vectors of one encoder have several lengths, where {name} should have "
            f"{dimensions}; register the encoder as a new model and run: pairlake enrich"
        )
    return values


def _recipe(con: duckdb.DuckDBPyConnection) -> str:
    (found,) = con.execute("select recipe from lake.intermediate.int_selected_recipe").fetchall()
    return str(found[0])


def _aesthetic_head(con: duckdb.DuckDBPyConnection, image_encoder: str) -> str | None:
    found = con.execute(
        "select heads.head from lake.seeds.image_heads as heads "
        "inner join lake.intermediate.int_recipe_models as models on heads.head = models.name "
        "where models.kind = 'aesthetic' and models.model_id is not null "
        "and heads.image_encoder = ?",
        [image_encoder],
    ).fetchone()
    return str(found[0]) if found else None


def _dimensions(con: duckdb.DuckDBPyConnection, model_id: str) -> int:
    found = con.execute(
        "select octet_length(embedding) // 2 from lake.enriched.image_embeddings "
        "where model_id = ? and outcome = 'ok' limit 1",
        [model_id],
    ).fetchone()
    return int(found[0]) if found else 0


def counted(con: duckdb.DuckDBPyConnection, listed: Iterable[Score]) -> list[Score]:
    """After `searchable`: the scores, each with how many of its pairs have it."""
    scores = list(listed)
    counts = "".join(f", count(pairs.{each.score})" for each in scores)
    query = f"select count(*){counts} from shown as pairs semi join searchable using (pair_id)"
    ((_, *pairs),) = con.execute(query).fetchall()
    return [replace(each, pairs=n) for each, n in zip(scores, pairs, strict=True)]


def found_only(con: duckdb.DuckDBPyConnection) -> int:
    """After `searchable`: how many of its pairs are found only, so that no export takes them."""
    return _value(
        con, "select count(*) from shown semi join searchable using (pair_id) where is_found_only"
    )


def _value(con: duckdb.DuckDBPyConnection, query: str) -> int:
    row = con.execute(query).fetchone()
    return int(row[0]) if row else 0
