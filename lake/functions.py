"""Functions that every connection to the lake has beside DuckDB's own."""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import mmh3
import numpy as np
import pyarrow as pa
from duckdb.func import FunctionNullHandling, PythonUDFType

from lake.domains import registrable_domain
from lake.passwords import without_passwords
from lake.vectors import cosines, from_blobs


def register_functions(con: duckdb.DuckDBPyConnection) -> None:
    """Give a connection our own functions of vectors, texts and hosts.

    `cosine(a, b)` is null where a vector is null or the widths differ; `laion_hash(url, caption)`
    is the signed `mmh3.hash64((url + caption).encode())[0]` of laion-prepro, with null as '';
    `registrable_domain(host)` is null where the host is null or empty; and
    `without_passwords(text)` is lake/passwords.py's.
    """
    _register(con, "cosine", _cosine, ["BLOB", "BLOB"], "FLOAT")
    _register(con, "laion_hash", _laion_hash, ["VARCHAR", "VARCHAR"], "BIGINT")
    _register(con, "registrable_domain", _registrable_domain, ["VARCHAR"], "VARCHAR")
    _register(con, "without_passwords", _without_passwords, ["VARCHAR"], "VARCHAR")


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


def _registrable_domain(hosts: pa.ChunkedArray) -> pa.Array:
    return pa.array([registrable_domain(h) if h else None for h in hosts.to_pylist()], pa.string())


def _without_passwords(texts: pa.ChunkedArray) -> pa.Array:
    bare = (text and without_passwords(text) for text in texts.to_pylist())
    return pa.array(bare, pa.string())
