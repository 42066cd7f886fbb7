"""Draws by chance what is forgotten beside a request, so that what is gone does not point at it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

import duckdb

from lake.catalog import rows
from lake.errors import BadRequest

# Where the kept pairs have what a takedown of each kind names.
_COLUMNS = {
    "url": "url_id",
    "page": "md5(page_url)::uuid",
    "caption": "caption_id",
    "image_md5": "md5",
    "image_sha256": "image_id",
}


def drawn(kind: str, number: int, *, but: Iterable[uuid.UUID]) -> list[uuid.UUID]:
    """`number` values of one kind, as raw.takedowns has them, not forgotten yet nor among `but`.

    Raises BadRequest if the kept pairs have not so many, or if this kind cannot be hidden.
    """
    if kind not in _COLUMNS:
        raise BadRequest(
            f"A {kind} that is gone stands out whatever goes with it; "
            "forget it in a command of its own, without --among."
        )
    column = _COLUMNS[kind]
    query = (
        f"select {column} from lake.marts.pairs "
        f"where {column} not in (select value_id from lake.raw.takedowns where kind = ?) "
        f"and {column} not in (select unnest(?::varchar[])::uuid) "
        "group by all order by random() limit ?"
    )
    try:
        found = rows(query, [kind, list(map(str, but)), number], read_only=True)
    except duckdb.CatalogException as error:
        raise BadRequest("There are no pairs to draw from yet; run: dbt build") from error
    if len(found) < number:
        raise BadRequest(
            f"{number:,} others of the kind {kind} were to be drawn, and the kept pairs have "
            f"{len(found):,}; give --among a smaller number."
        )
    return [value for (value,) in found]
