"""An open image-text dataset as a SQL lakehouse; from Python: `connect`, `pairs` and `search`.

The rooms beside this file are links to the folders at the top of the checkout, so that one name is
installed, and imports read alike in both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import duckdb
    import polars as pl

# What they need is imported when they are called: the commands want nothing but this package.


def connect() -> duckdb.DuckDBPyConnection:
    """The lake in DuckDB, read-only, with its tables by their bare names.

    No network is needed. Each query sees what had been committed when it began.
    """
    from pairlake.lake.query import reader

    return reader()


def pairs() -> pl.LazyFrame:
    """The mart `pairs` as a lazy polars frame; only what is asked for is read."""
    frame: pl.LazyFrame = connect().sql("from lake.marts.pairs").pl(lazy=True)
    return frame


def search(
    text: str,
    *,
    limit: int = 20,
    where: Sequence[str] = (),
    by: Literal["image", "caption"] = "image",
) -> pl.DataFrame:
    """The published pairs nearest to a text, best first; `where` are filters."""
    from pairlake.encoders import opened_search
    from pairlake.serve.search.frame import frame

    return frame(opened_search(), text, limit=limit, where=where, side=by)
