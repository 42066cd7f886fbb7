"""Results of a search as a table of polars, for Python and notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields

import polars as pl

from pairlake.serve.search.filters import parse
from pairlake.serve.search.hits import Hit
from pairlake.serve.search.query import Part, Query, Side
from pairlake.serve.search.search import Search


def frame(
    search: Search, text: str, *, limit: int, where: Sequence[str], side: Side
) -> pl.DataFrame:
    """The results of a text, best first, a row a picture; `where` are filters as they are typed.

    Raises what `Search.find` does, and BadRequest for a filter that is none.
    """
    parts, filters = (Part(text=text),), tuple(parse(where))
    hits = search.find(Query(parts=parts, side=side, filters=filters, limit=limit)).results
    found = [
        {**asdict(hit), "pair_id": str(hit.pair_id), "image_id": str(hit.image_id)} for hit in hits
    ]
    # Scores that no result has are columns all the same.
    names = [field.name for field in fields(Hit)]
    return pl.DataFrame(found, schema=names, infer_schema_length=None)
