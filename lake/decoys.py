"""Draws by chance what is forgotten beside a request, so that what is gone does not point at it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

import duckdb

from pairlake.lake.catalog import rows
from pairlake.lake.errors import BadRequest

# Where the kept pairs have what a takedown of each kind names, and its id.
_COLUMNS = {
    "url": ("image_url", "md5(image_url)::uuid"),
    "page": ("page_url", "md5(page_url)::uuid"),
    "caption": ("caption", "md5(caption)::uuid"),
    "image_md5": ("md5", "md5"),
    "image_sha256": ("image_id", "image_id"),
}


def decoys(kind: str, number: int, *, but: Iterable[uuid.UUID]) -> list[str] | list[uuid.UUID]:
    """`number` values of one kind: texts, or hashes of pictures as raw.takedowns has them.

    None of them is forgotten yet, or has its id among `but`.
    Raises BadRequest if the kept pairs have not so many, or if this kind cannot be hidden.
    """
    if kind not in _COLUMNS:
        raise BadRequest(
            f"A {kind} that is gone stands out whatever goes with it; "
            "forget it in a command of its own, without --among."
        )
    column, its_id = _COLUMNS[kind]
    query = (
        f"select {column} from lake.marts.pairs "
        f"where {its_id} not in (select value_id from lake.raw.takedowns where kind = ?) "
        f"and {its_id} not in (select unnest(?::varchar[])::uuid) "
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
