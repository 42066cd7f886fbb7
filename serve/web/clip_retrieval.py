"""The endpoints of clip-retrieval's server, so that its client and programs work against ours.

Source: rom1504/clip-retrieval, clip_back.py and clip_client.py (2.45). `id` is LAION's SAMPLE_ID,
which stays a pair's own through every publication.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field, model_validator
from starlette.datastructures import MutableHeaders

from pairlake.lake.errors import BadRequest
from pairlake.serve.search.hits import Hit
from pairlake.serve.search.in_time import in_time
from pairlake.serve.search.query import Part, Query
from pairlake.serve.search.search import Search
from pairlake.serve.web.asked import MOST_DIMENSIONS, Picture, Weight, picture_of

MOST_RESULTS = 10_000
# Scores of clip-retrieval's aesthetic embeddings run from 0 to 9.
HIGHEST_AESTHETIC = 9
# A result's caption may be searched for whole. Encoders read the first hundred words or so.
LONGEST_CAPTION = 10_000

Count = Annotated[int, Field(ge=1, le=MOST_RESULTS)]
SampleId = Annotated[int, Field(gt=-(2**63), lt=2**63)]


class _Lenient(BaseModel):
    """JSON in which what is null or empty is not given; numbers may be written as text."""

    @model_validator(mode="before")
    @classmethod
    def _given(cls, asked: Any) -> Any:
        if not isinstance(asked, dict):
            return asked
        return {name: value for name, value in asked.items() if value not in (None, "")}


class KnnRequest(_Lenient):
    """What `/knn-service` is asked; what it does not know is passed over, as there."""

    text: Annotated[str, Field(max_length=LONGEST_CAPTION)] | None = None
    image: Picture | None = None
    image_url: Picture | None = None
    embedding_input: Annotated[list[float], Field(max_length=MOST_DIMENSIONS)] | None = None
    modality: Literal["image", "text"] = "image"
    num_images: Count = 100
    num_result_ids: Count | None = None
    indice_name: str | None = None
    deduplicate: bool = False
    use_safety_model: bool = False
    use_violence_detector: bool = False
    aesthetic_score: Annotated[float, Field(ge=0, le=HIGHEST_AESTHETIC)] | None = None
    aesthetic_weight: Weight | None = None


class MetadataRequest(_Lenient):
    """What `/metadata` is asked."""

    ids: Annotated[list[SampleId], Field(max_length=MOST_RESULTS)]
    indice_name: str | None = None


class _AnyJson(Request):
    """A request whose texts may hold line breaks as they are: `curl -d` sends base64 so."""

    async def json(self) -> Any:
        """What the body says."""
        return json.loads(await self.body(), strict=False)


class _AnyType(APIRoute):
    """A route whose body is JSON whatever it is called: clients name no type, text, or a form."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, which reads `application/json`."""
        answer = super().get_route_handler()

        async def as_json(request: Request) -> Response:
            MutableHeaders(scope=request.scope)["content-type"] = "application/json"
            return await answer(_AnyJson(request.scope, request.receive))

        return as_json


def clip_retrieval(search: Search) -> APIRouter:
    """`/knn-service`, `/metadata` and `/indices-list`; the one index has the recipe's name."""
    router = APIRouter(tags=["clip-retrieval"], route_class=_AnyType)

    @router.post("/knn-service")
    async def knn(asked: KnnRequest) -> Response:
        """The nearest pairs; those after `num_images` with their id and similarity only."""
        hits = await in_time(_nearest, asked, search)
        found = [_found(hit, whole=place < asked.num_images) for place, hit in enumerate(hits)]
        return Response(msgspec.json.encode(found), media_type="application/json")

    @router.post("/metadata")
    async def metadata(asked: MetadataRequest) -> list[dict[str, Any]]:
        """The facts of pairs by their ids; an id that is not published is left out."""
        hits = await in_time(_samples, asked, search)
        return [{"id": n, "metadata": _facts(hits[n])} for n in asked.ids if n in hits]

    @router.get("/indices-list")
    async def indices() -> list[str]:
        """The names of the indices."""
        return [(await in_time(search.publication)).recipe]

    return router


def _nearest(asked: KnnRequest, search: Search) -> list[Hit]:
    _check_name(search, asked.indice_name)
    return search.find(_query(asked, search)).results


def _samples(asked: MetadataRequest, search: Search) -> dict[int, Hit]:
    _check_name(search, asked.indice_name)
    return search.samples(asked.ids)


def _check_name(search: Search, name: str | None) -> None:
    recipe = search.publication().recipe
    if name not in (None, recipe):
        raise BadRequest(
            f"There is no index {name!r} here; the one there is has the name {recipe}."
        )


def _query(asked: KnnRequest, search: Search) -> Query:
    if asked.text is not None:
        part = Part(text=asked.text)
    elif (image := asked.image or asked.image_url) is not None:
        part = Part(picture=picture_of(image))
    elif asked.embedding_input is not None:
        part = Part(vector=np.array(asked.embedding_input, np.float64))
    else:
        raise BadRequest("Give one of: text, image in base64, embedding_input.")
    return Query(
        parts=(part,),
        side="image" if asked.modality == "image" else "caption",
        fold="near" if asked.deduplicate else "none",
        aesthetic=_steering(asked, search),
        hide_unsafe=asked.use_safety_model,
        hide_inappropriate=asked.use_violence_detector,
        # Its clients make lists to train on, and know no mark.
        kept_only=True,
        limit=asked.num_result_ids or asked.num_images,
    )


def _steering(asked: KnnRequest, search: Search) -> float:
    """As far along the aesthetic head's direction as was asked; 0 where there is no head."""
    score, weight = asked.aesthetic_score, asked.aesthetic_weight
    if score is None or weight is None:
        return 0.0
    if search.publication().aesthetic_head is None:
        return 0.0
    return weight * (2 * score / HIGHEST_AESTHETIC - 1)


def _found(hit: Hit, *, whole: bool) -> dict[str, Any]:
    facts = _facts(hit) if whole else {}
    return {**facts, "id": int(hit.sample_id), "similarity": hit.similarity}


def _facts(hit: Hit) -> dict[str, Any]:
    """The columns of a pair by the names that clip-retrieval's users know."""
    return {
        "url": hit.image_url,
        "caption": hit.caption,
        "hash": int(hit.hash),
        "pair_id": str(hit.pair_id),
        "width": hit.width,
        "height": hit.height,
        "language": hit.language,
        "license": hit.license_url,
        # Null where the lake has no such score.
        "punsafe": getattr(hit, "punsafe", None),
        "pwatermark": getattr(hit, "pwatermark", None),
        "aesthetic": getattr(hit, "aesthetic_score", None),
    }
