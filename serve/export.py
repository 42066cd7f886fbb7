"""Write the dataset as one Parquet file with the columns of LAION's joined release.

`pairlake export` runs it; img2dataset reads the file with `--url_col URL --caption_col TEXT`.
"""

from __future__ import annotations

import os
from pathlib import Path

import duckdb

from lake.errors import PairlakeError
from serve.marts import marts

_LAION = """
select
    image_url as "URL",
    caption as "TEXT",
    width as "WIDTH",
    height as "HEIGHT",
    similarity::double as similarity,
    language as "LANGUAGE",
    hash,
    pwatermark,
    punsafe,
from lake.marts.pairs
where ?::varchar is null or split = ?
"""


def export(destination: Path, *, split: str | None) -> int:
    """Write the kept pairs, or those of one split, to a Parquet file; returns their number.

    The file appears whole or not at all. Raises TableMissing before the first `dbt build`, and
    PairlakeError if the destination cannot be written.
    """
    if destination.is_dir() or not destination.parent.is_dir():
        raise PairlakeError(
            f"{destination} cannot be written: give a file in a folder that exists, "
            "as in: pairlake export pairs.parquet"
        )
    partial = destination.with_name(f".{destination.name}.{os.getpid()}.partial")
    try:
        with marts() as con:
            quoted = str(partial).replace("'", "''")
            counted = con.execute(
                f"copy ({_LAION}) to '{quoted}' (format parquet, compression zstd)", [split, split]
            ).fetchone()
        partial.replace(destination)
    except (duckdb.IOException, OSError) as error:
        raise PairlakeError(
            f"{destination} cannot be written ({str(error).splitlines()[0]}); "
            "give a file in a folder that exists and can be written."
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    return int(counted[0]) if counted else 0
