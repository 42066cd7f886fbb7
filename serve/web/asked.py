"""Queries as they come over HTTP: the parameters of an address, or a body of JSON."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Annotated, Literal
from uuid import UUID

import numpy as np
from fastapi import Query as Parameter
from pydantic import BaseModel, ConfigDict, Field

from pairlake.lake.errors import BadRequest
from pairlake.serve.search.query import MOST_PARTS, Fold, Part, Query, Side

LONGEST_TEXT = 500
LONGEST_FILTER = 2_000
MOST_FILTERS = 20
MOST_RESULTS = 200
MOST_OFFSET = 2_000
MOST_PICTURE = 10_000_000  # bytes
# Their characters in base64, with line breaks.
MOST_BASE64 = MOST_PICTURE * 14 // 10
MOST_DIMENSIONS = 4_096

Text = Annotated[str, Field(max_length=LONGEST_TEXT)]
Picture = Annotated[str, Field(max_length=MOST_BASE64)]
Condition = Annotated[str, Field(max_length=LONGEST_FILTER)]
Conditions = Annotated[list[Condition], Field(max_length=MOST_FILTERS)]
Weight = Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)]
Steering = Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)]
Limit = Annotated[int, Field(ge=1, le=MOST_RESULTS)]
Offset = Annotated[int, Field(ge=0, le=MOST_OFFSET)]


class AskedPart(BaseModel):
    """One of: a text, a published pair, a picture in base64, an embedding."""

    model_config = ConfigDict(extra="forbid")

    text: Text | None = None
    pair_id: UUID | None = None
    image: Picture | None = None
    vector: Annotated[list[float], Field(max_length=MOST_DIMENSIONS)] | None = None
    weight: Weight = 1.0

    def part(self) -> Part:
        """As the search takes it; BadRequest if it is not one thing."""
        return Part(
            text=self.text,
            pair_id=self.pair_id,
            picture=None if self.image is None else picture_of(self.image),
            vector=None if self.vector is None else np.array(self.vector, np.float64),
            weight=self.weight,
        )


class Asked(BaseModel):
    """A search as JSON: parts with weights, filters, and how results fold."""

    model_config = ConfigDict(extra="forbid")

    parts: Annotated[list[AskedPart], Field(max_length=MOST_PARTS)]
    by: Side = "image"
    hybrid: bool = False
    where: Conditions = []
    fold: Fold = "image"
    aesthetic: Steering = 0.0
    limit: Limit = 48
    offset: Offset = 0

    def query(self) -> Query:
        """As the search takes it; BadRequest, with the reason, if it cannot be answered."""
        return Query(
            parts=tuple(part.part() for part in self.parts),
            side=self.by,
            hybrid=self.hybrid,
            where=tuple(self.where),
            fold=self.fold,
            aesthetic=self.aesthetic,
            limit=self.limit,
            offset=self.offset,
        )


class Parameters(BaseModel):
    """A search as the parameters of an address, which the page keeps its state in."""

    model_config = ConfigDict(extra="forbid")

    q: Annotated[list[Text], Field(max_length=MOST_PARTS)] = []
    without: Annotated[list[Text], Field(max_length=MOST_PARTS, alias="not")] = []
    like: Annotated[list[UUID], Field(max_length=MOST_PARTS)] = []
    unlike: Annotated[list[UUID], Field(max_length=MOST_PARTS)] = []
    by: Side = "image"
    hybrid: bool = False
    where: Conditions = []
    fold: Fold = "image"
    aesthetic: Steering = 0.0

    def query(self, *, limit: int, offset: int = 0, kept_only: bool = False) -> Query:
        """As the search takes it; BadRequest, with the reason, if it cannot be answered."""
        parts = [*_texts(self.q, 1.0), *_texts(self.without, -0.5)]
        parts += [Part(pair_id=each) for each in self.like]
        parts += [Part(pair_id=each, weight=-0.5) for each in self.unlike]
        return Query(
            parts=tuple(parts),
            side=self.by,
            hybrid=self.hybrid,
            where=tuple(self.where),
            fold=self.fold,
            aesthetic=self.aesthetic,
            kept_only=kept_only,
            limit=limit,
            offset=offset,
        )


class SearchParameters(Parameters):
    """A search in an address, with the window of results that is wanted."""

    limit: Limit = 48
    offset: Offset = 0


class ExportParameters(Parameters):
    """A search in an address, to be taken home as a file."""

    format: Literal["parquet", "csv", "jsonl"] = "csv"
    rows: Annotated[int, Field(ge=1, le=10_000)] = 1_000


# As long as a crawl lands them.
Url = Annotated[str, Parameter(min_length=1, max_length=2_000)]
Searching = Annotated[SearchParameters, Parameter()]
Exporting = Annotated[ExportParameters, Parameter()]


def picture_of(text: str) -> bytes:
    """The bytes of a picture in base64; BadRequest if it is none, or too large.

    It may have line breaks and the alphabet of URLs (RFC 2045, RFC 4648), and be a data: URL.
    """
    if _ELSEWHERE.match(text):
        raise BadRequest("Nothing is fetched for a visitor; send the picture itself as image.")
    if data_url := _DATA_URL.match(text):
        text = text[data_url.end() :]
    try:
        digits = text.encode("ascii").translate(_ALPHABET, delete=_SPACES).rstrip(b"=")
        picture = base64.b64decode(digits + b"=" * (-len(digits) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadRequest("The picture is not in base64; encode the bytes of its file.") from error
    if len(picture) > MOST_PICTURE:
        raise BadRequest(f"The picture has more than {MOST_PICTURE:,} bytes; send a smaller one.")
    return picture


_ELSEWHERE = re.compile(r"\s*(?!data:)[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_DATA_URL = re.compile(r"\s*data:[^,]{0,200};base64,", re.IGNORECASE)
_ALPHABET = bytes.maketrans(b"-_", b"+/")
_SPACES = b" \t\n\v\f\r"


def _texts(texts: Sequence[str], weight: float) -> list[Part]:
    return [Part(text=text.strip(), weight=weight) for text in texts if text.strip()]
