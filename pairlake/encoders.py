"""The models that make a query: where the search meets udfs and ingest, which it does not know."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pairlake.serve.search.search import Search


def caption_encoder(name: str) -> Callable[..., Any]:
    """What encodes texts by the caption encoder of that name."""
    from pairlake.udfs.caption_embeddings import encoder

    return encoder(name).encode_captions


def opened_search() -> Search:
    """The published index, searched by the models it was made by."""
    from pairlake.ingest.images.sent import Sent
    from pairlake.lake.settings import settings
    from pairlake.serve.search.search import Encoders, Search
    from pairlake.udfs.image_aesthetics import direction
    from pairlake.udfs.image_embeddings import picture_encoder

    sent = Sent(side=settings().pixel_side)

    def pictures(name: str) -> Callable[[bytes], Any]:
        encode = picture_encoder(name)
        sent.start()
        # A query is made of what would be kept of its picture.
        return lambda body: encode(sent.kept(body))

    encoders = Encoders(captions=caption_encoder, pictures=pictures, aesthetic=direction)
    return Search(settings().search, encoders)
