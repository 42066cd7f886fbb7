"""The API that the page speaks: search, a pair's story, the dataset, thumbnails."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

import msgspec
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from pydantic import ConfigDict, create_model

from pairlake.lake.keys import text_id
from pairlake.lake.takedowns import Spell
from pairlake.serve.search.facts import SHARED, Columns
from pairlake.serve.search.hits import Hit
from pairlake.serve.search.in_time import in_time
from pairlake.serve.search.index import NothingPublished, Publication
from pairlake.serve.search.search import Search
from pairlake.serve.web.asked import Asked, Exporting, Searching, Url
from pairlake.serve.web.story import pairs_of, story_of

# What /openapi.json says of an answer; the scores of a result go by what is published.
_SHARED: Any = {each.name: (each.type, ...) for each in msgspec.structs.fields(Hit)}
_Result: Any = create_model(
    "Hit", __doc__=Hit.__doc__, __config__=ConfigDict(extra="allow"), captions=(int, 1), **_SHARED
)
_Answer = create_model("Answer", results=(list[_Result], ...), more=(bool, ...))


def api(search: Search, spell: Spell) -> APIRouter:
    """The routes below `/api`, and `/thumbnails`; `spell` gives all spellings of a URL."""
    router = APIRouter(dependencies=[Depends(_json_alone)])
    _add_search(router, search)
    _add_dataset(router, search)
    _add_pairs(router, search, spell)
    return router


def _add_search(router: APIRouter, search: Search) -> None:
    @router.get("/api/search", response_model=_Answer)
    async def find(asked: Searching) -> Response:
        """Pictures like the texts `q` and the pairs `like`, unlike those of `not` and `unlike`.

        `where` holds filters such as `aesthetic_score >= 5`, `language in en,fr`,
        `license_url is not null`; all must hold.
        """
        query = asked.query(limit=asked.limit, offset=asked.offset)
        return _json(await in_time(search.find, query))

    @router.post("/api/search", response_model=_Answer)
    async def find_parts(asked: Asked) -> Response:
        """The same with weights, pictures and embeddings."""
        return _json(await in_time(search.find, asked.query()))

    @router.get("/api/export")
    async def export(asked: Exporting) -> Response:
        """The first `rows` results that are kept, as a file that img2dataset reads."""
        query = asked.query(limit=asked.rows, kept_only=True)
        hits = (await in_time(search.find, query)).results
        name = f"pairlake-{len(hits)}.{asked.format}"
        return Response(
            await in_time(results_file, hits, asked.format),
            media_type=_MEDIA_TYPES[asked.format],
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )


def _add_dataset(router: APIRouter, search: Search) -> None:
    @router.get("/api/stats")
    async def stats() -> dict[str, Any]:
        """What is published; rows is 0 where nothing is."""
        try:
            return _without_dataset(await in_time(search.publication))
        except NothingPublished as error:
            return {"rows": 0, "published_at": None, "message": error.format_message()}

    @router.get("/api/dataset")
    async def dataset() -> dict[str, Any]:
        """The dataset in figures, and by what it can be searched."""
        publication = await in_time(search.publication)
        return {
            **_without_dataset(publication),
            **publication.dataset,
            "has_aesthetic": publication.aesthetic_head is not None,
            "columns": _told(publication.columns),
        }


def _add_pairs(router: APIRouter, search: Search, spell: Spell) -> None:
    @router.get("/api/pairs")
    async def of_url(url: Url) -> Response:
        """The pairs of an image's URL, kept or dropped, however the URL is spelled."""
        url_ids = {text_id(spelling) for spelling in spell("url", url)}
        return _json({"pairs": await in_time(pairs_of, url_ids, search)})

    @router.get("/api/pairs/{pair_id}")
    async def story(pair_id: UUID) -> Response:
        """All that is known of a pair, kept or dropped: where it was seen, and what came of it."""
        return _json(await in_time(story_of, pair_id, search))

    @router.get("/thumbnails/{image_id}.jpg", response_class=Response)
    async def thumbnail(image_id: UUID) -> Response:
        """The picture of a published pair, within 256 x 256 pixels."""
        jpeg = await in_time(search.thumbnail, image_id)
        if jpeg is None:
            return JSONResponse({"error": f"There is no thumbnail of {image_id}."}, 404)
        return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "max-age=300"})


def _json_alone(request: Request) -> None:
    """Another type is what a page elsewhere can send without being asked whether it may."""
    type_ = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method == "POST" and type_ != "application/json":
        raise HTTPException(415, "Send JSON, with the header Content-Type: application/json.")


def _json(content: Any) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")


def _without_dataset(publication: Publication) -> dict[str, Any]:
    said = asdict(publication)
    del said["dataset"], said["scores"]
    return said


def _told(columns: Columns) -> list[dict[str, Any]]:
    """By what pairs can be filtered; of a score also how it is shown, and what it hides."""
    scores = {each.score: each for each in columns.scores}
    return [
        {"name": name, "kind": column.kind}
        | {fact: getattr(scores[name], fact) for fact in _OF_A_SCORE if name in scores}
        for name, column in columns.items()
    ]


_OF_A_SCORE = ("label", "lowest", "highest", "keys", "comparison", "hidden_above", "pairs")
_MEDIA_TYPES = {
    "parquet": "application/vnd.apache.parquet",
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/jsonl; charset=utf-8",
}
# Columns of a file of results, which img2dataset reads: LAION's name of each, and a hit's.
_FILE_COLUMNS = {
    "URL": "image_url",
    "TEXT": "caption",
    "WIDTH": "width",
    "HEIGHT": "height",
    "similarity": "pair_similarity",
    "LANGUAGE": "language",
    "hash": "hash",
    "pwatermark": "pwatermark",
    "punsafe": "punsafe",
}


def results_file(hits: Sequence[Hit], format: str) -> bytes:
    """The hits as `parquet`, `csv` or `jsonl`, one row each, in their order."""
    if format == "jsonl":
        rows = [{name: _value(hit, name) for name in _FILE_COLUMNS} for hit in hits]
        return msgspec.json.Encoder().encode_lines(rows)
    columns = {
        name: pa.array([_value(hit, name) for hit in hits], _type(name)) for name in _FILE_COLUMNS
    }
    table, file = pa.table(columns), io.BytesIO()
    if format == "parquet":
        pyarrow.parquet.write_table(table, file, compression="zstd")
    else:
        pyarrow.csv.write_csv(table, file)
    return file.getvalue()


def _value(hit: Hit, column: str) -> object:
    # Of a score that the lake's list has not, nothing is known.
    value: Any = getattr(hit, _FILE_COLUMNS[column], None)
    return int(value) if column == "hash" else value


def _type(column: str) -> pa.DataType:
    # Similarity has 64 bits in LAION's files.
    if column == "similarity":
        return pa.float64()
    shared = SHARED.get(_FILE_COLUMNS[column])
    return pa.float32() if shared is None else shared.type
