"""Results of a search as a table of polars, for Python and notebooks."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import polars as pl

from pairlake.serve.search.hits import hit_type
from pairlake.serve.search.query import Part, Query, Side
from pairlake.serve.search.search import Search


def frame(
    search: Search, text: str, *, limit: int, where: Sequence[str], side: Side
) -> pl.DataFrame:
    """The results of a text, best first, a row a picture; `where` are filters as they are typed.

    Raises what `Search.find` does, and BadRequest for a filter that is none.
    """
    query = Query(parts=(Part(text=text),), side=side, where=tuple(where), limit=limit)
    hits = search.find(query).results
    found = [
        {**msgspec.structs.asdict(hit), "pair_id": str(hit.pair_id), "image_id": str(hit.image_id)}
        for hit in hits
    ]
    # Scores that no result has are columns all the same.
    names = (type(hits[0]) if hits else hit_type(search.scores())).__struct_fields__
    return pl.DataFrame(found, schema=names, infer_schema_length=None)
