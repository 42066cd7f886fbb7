"""The jobs there are, in the order in which one's rows make the next one's worklist."""

from __future__ import annotations

from udfs import (
    caption_embeddings,
    caption_languages,
    image_embeddings,
    image_hashes,
    pair_similarities,
)
from udfs.job import Job

# By the name of the file, which is also the name of the table.
JOBS: dict[str, Job] = {
    "caption_languages": caption_languages,
    "image_hashes": image_hashes,
    "image_embeddings": image_embeddings,
    "caption_embeddings": caption_embeddings,
    "pair_similarities": pair_similarities,
}
