"""Lists as they are published: the formats, and the columns of those that are known."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any

from tests.ingest.landing_lists import Rows, jsonl, parquet, separated

URL, OTHER = "https://a.example/cat.jpg", "http://b.example/dog.png?w=1&amp;h=2"


FORMATS: dict[str, tuple[str, Callable[[Rows], bytes]]] = {
    "parquet": ("parquet", parquet),
    "csv": ("csv", separated),
    "tsv": ("csv", lambda rows: separated(rows, "\t")),
    "semicolons": ("csv", lambda rows: separated(rows, ";")),
    "jsonl": ("jsonl", jsonl),
    "csv.gz": ("csv", lambda rows: gzip.compress(separated(rows), mtime=0)),
    "jsonl.gz": ("jsonl", lambda rows: gzip.compress(jsonl(rows), mtime=0)),
}


LISTS: dict[str, tuple[dict[str, Any], str | None, dict[str, float]]] = {
    "laion": (
        {
            "SAMPLE_ID": 2900000000123,
            "URL": URL,
            "TEXT": "A cat",
            "HEIGHT": 480,
            "WIDTH": 640,
            "LICENSE": "?",
            "NSFW": "UNLIKELY",
            "similarity": 0.3125,
        },
        "2900000000123",
        {"height": 480, "width": 640, "similarity": 0.3125},
    ),
    "laion_joined": (
        {
            "URL": URL,
            "TEXT": "A cat",
            "WIDTH": 640,
            "HEIGHT": 480,
            "similarity": 0.25,
            "hash": -4931186472424834567,
            "pwatermark": 0.5,
            "punsafe": 0.125,
        },
        "-4931186472424834567",
        {"width": 640, "height": 480, "similarity": 0.25, "pwatermark": 0.5, "punsafe": 0.125},
    ),
    "datacomp": (
        {
            "uid": "00a1f3e9b2c4d5e6f708192a3b4c5d6e",
            "url": URL,
            "text": "A cat",
            "original_width": 640,
            "original_height": 480,
            "clip_b32_similarity_score": 0.25,
            "clip_l14_similarity_score": 0.5,
        },
        "00a1f3e9b2c4d5e6f708192a3b4c5d6e",
        {
            "original_width": 640,
            "original_height": 480,
            "clip_b32_similarity_score": 0.25,
            "clip_l14_similarity_score": 0.5,
        },
    ),
    "img2dataset": (
        {
            "url": URL,
            "caption": "A cat",
            "key": "000000017",
            "status": "success",
            "error_message": None,
            "width": 256,
            "height": 256,
            "original_width": 640,
            "original_height": 480,
            "exif": "{}",
            "sha256": "00ff",
        },
        "000000017",
        {"width": 256, "height": 256, "original_width": 640, "original_height": 480},
    ),
    "coyo": (
        {
            "id": 4896263451343,
            "url": URL,
            "text": "A cat",
            "width": 640,
            "height": 480,
            "image_phash": "eefeb0c0d0e0f000",
            "word_count": 2,
            "watermark_score": 0.5,
            "aesthetic_score_laion_v2": 5.25,
        },
        "4896263451343",
        {
            "width": 640,
            "height": 480,
            "word_count": 2,
            "watermark_score": 0.5,
            "aesthetic_score_laion_v2": 5.25,
        },
    ),
}
