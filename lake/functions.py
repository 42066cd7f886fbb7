"""Functions that every connection to the lake has beside DuckDB's own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import duckdb
import mmh3
import numpy as np
import pyarrow as pa
from duckdb.func import FunctionNullHandling, PythonUDFType

from pairlake.lake.addresses import same_host, same_url
from pairlake.lake.domains import registrable_domain
from pairlake.lake.passwords import without_passwords
from pairlake.lake.vectors import cosines, from_blobs


def register_functions(con: duckdb.DuckDBPyConnection) -> None:
    """Give a connection `cosine(a, b)`, `laion_hash(url, caption)`, and functions of one text.

    `cosine` is null where a vector is null or the widths differ; `laion_hash` is the signed
    `mmh3.hash64((url + caption).encode())[0]` of laion-prepro, with null as ''; and
    `registrable_domain`, `same_host`, `same_url` and `without_passwords` are null where the text is
    null or empty.
    """
    _register(con, "cosine", _cosine, ["BLOB", "BLOB"], "FLOAT")
    _register(con, "laion_hash", _laion_hash, ["VARCHAR", "VARCHAR"], "BIGINT")
    for function in (registrable_domain, same_host, same_url, without_passwords):
        _register(con, function.__name__, partial(_of_each, function), ["VARCHAR"], "VARCHAR")


def _register(
    con: duckdb.DuckDBPyConnection,
    name: str,
    function: Callable[..., pa.Array],
    parameters: list[str],
    returns: str,
) -> None:
    con.create_function(
        name,
        function,
        parameters,  # type: ignore[arg-type]  # the stubs want a list of the union they accept
        returns,
        type=PythonUDFType.ARROW,
        null_handling=FunctionNullHandling.SPECIAL,
    )


def _cosine(left: pa.ChunkedArray, right: pa.ChunkedArray) -> pa.Array:
    # Encoders of several widths may meet in one batch, so rows are taken width by width.
    result = np.full(len(left), np.nan, np.float32)
    lefts, rights = left.to_pylist(), right.to_pylist()
    widths = np.array(
        [len(a) if a and b and len(a) == len(b) else 0 for a, b in zip(lefts, rights, strict=True)]
    )
    for width in np.unique(widths[widths > 0]):
        rows = np.flatnonzero(widths == width)
        pick = [np.array([side[i] for i in rows], object) for side in (lefts, rights)]
        result[rows] = cosines(*(from_blobs(pa.array(side, pa.binary())) for side in pick))
    return pa.array(result, pa.float32(), mask=widths == 0)


def _laion_hash(urls: pa.ChunkedArray, captions: pa.ChunkedArray) -> pa.Array:
    texts = zip(urls.to_pylist(), captions.to_pylist(), strict=True)
    return pa.array([mmh3.hash64((u or "") + (c or ""))[0] for u, c in texts], pa.int64())


def _of_each(function: Callable[[str], str], texts: pa.ChunkedArray) -> pa.Array:
    return pa.array([function(text) if text else None for text in texts.to_pylist()], pa.string())
