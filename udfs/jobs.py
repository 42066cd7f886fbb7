"""The jobs there are, and the order in which one's rows make the next one's worklist."""

from __future__ import annotations

from pairlake.udfs import (
    caption_embeddings,
    caption_languages,
    caption_toxicity,
    image_aesthetics,
    image_embeddings,
    image_hashes,
    image_inappropriate,
    image_neighbours,
    image_nsfw,
    image_watermarks,
    pair_similarities,
)
from pairlake.udfs.job import Job

# By the name of the file, which is also the name of the table.
JOBS: dict[str, Job] = {
    "caption_languages": caption_languages,
    "image_hashes": image_hashes,
    "image_embeddings": image_embeddings,
    "caption_embeddings": caption_embeddings,
    "pair_similarities": pair_similarities,
    "image_nsfw": image_nsfw,
    "image_watermarks": image_watermarks,
    "image_aesthetics": image_aesthetics,
    "image_inappropriate": image_inappropriate,
    "caption_toxicity": caption_toxicity,
    "image_neighbours": image_neighbours,
}

# Captions are judged before their image is asked for, and images are rated only where their
# similarity keeps them: then it is known whose embeddings the heads over a larger encoder want.
BEFORE_FETCH = ("caption_languages",)
AFTER_FETCH = (
    "image_hashes",
    "image_embeddings",
    "caption_embeddings",
    "pair_similarities",
    "image_embeddings",
    "image_nsfw",
    "image_watermarks",
    "image_aesthetics",
    "image_inappropriate",
    "caption_toxicity",
    "image_neighbours",
)
