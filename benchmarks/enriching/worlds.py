"""Lakes for the benchmark: rows to enrich, and worklists that hold nothing else.

The worklists are plain views in place of dbt's, so that the jobs are measured and not the SQL.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.harness.photos import of_its_own, photos
from pairlake.ingest.images.picture import Picture
from pairlake.ingest.images.pixels import prepare
from pairlake.lake.append import append
from pairlake.lake.catalog import writing
from pairlake.lake.keys import text_id
from pairlake.lake.vectors import to_blobs

SIDE = 384
_WORLD = """
create schema lake.intermediate;
create schema lake.staging;
create schema lake.seeds;
create view lake.staging.stg_enriched__models as
select name, kind, arg_max(model_id, landed_at) as model_id
from lake.enriched.models group by name, kind;
create view lake.staging.stg_enriched__image_embeddings as from lake.enriched.image_embeddings;
create table lake.seeds.image_heads (head varchar, image_encoder varchar);
create table lake.intermediate.wanted (kind varchar, name varchar);
create view lake.intermediate.int_recipe_models as
select wanted.kind, wanted.name, models.model_id
from lake.intermediate.wanted
left join lake.staging.stg_enriched__models as models using (kind, name);
create table lake.intermediate.captions (caption_id uuid, caption varchar, language varchar);
create view lake.intermediate.int_images_awaiting_embedding as
select pixels.image_id, pixels.attempt_id, models.name as model, models.model_id
from lake.raw.image_pixels as pixels
cross join (from lake.intermediate.int_recipe_models where kind = 'image_encoder') as models
anti join lake.enriched.image_embeddings as done
    on pixels.image_id = done.image_id and models.model_id = done.model_id;
create view lake.intermediate.int_ratings_awaiting as
select
    models.kind, images.image_id, null::uuid as attempt_id, models.name as model, models.model_id,
    images.model_id as image_model_id
from lake.enriched.image_embeddings as images
cross join (from lake.intermediate.int_recipe_models where kind = 'nsfw') as models
anti join lake.enriched.image_nsfw as done
    on images.image_id = done.image_id and models.model_id = done.model_id;
create view lake.intermediate.int_captions_awaiting_embedding as
select captions.*, models.name as model, models.model_id
from lake.intermediate.captions
cross join (from lake.intermediate.int_recipe_models where kind = 'caption_encoder') as models
anti join lake.enriched.caption_embeddings as done
    on captions.caption_id = done.caption_id and models.model_id = done.model_id;
create view lake.intermediate.int_captions_awaiting_language as
select captions.*, models.name as model, models.model_id
from lake.intermediate.captions
cross join (from lake.intermediate.int_recipe_models where kind = 'language') as models
anti join lake.enriched.caption_languages as done
    on captions.caption_id = done.caption_id and models.model_id = done.model_id;
"""
_WORDS = (
    *("the", "of", "red", "blue", "old", "new", "house", "garden", "cat", "dog", "on", "sea"),
    *("der", "die", "mit", "und", "im", "Haus", "Garten", "le", "la", "un", "chat", "avec"),
    *("dans", "jardin", "gato", "en", "casa", "with", "photo", "portrait"),
)


def lay_out() -> None:
    """The schemas and views, in the lake of the settings."""
    with writing() as con:
        for statement in _WORLD.split(";"):
            if statement.strip():
                con.execute(statement)


def want(kind: str, name: str) -> None:
    """Put a model on the worklists."""
    with writing() as con:
        con.execute("insert into lake.intermediate.wanted values (?, ?)", [kind, name])


def want_no_more(kind: str, name: str) -> None:
    """Take a model off the worklists."""
    with writing() as con:
        con.execute(
            "delete from lake.intermediate.wanted where (kind, name) = (?, ?)", [kind, name]
        )


def land_pictures(folder: Path, count: int) -> None:
    """`count` different photographs and drawings, as `fetch` keeps them."""
    files = photos(folder)

    def kept(number: int) -> bytes:
        file = files[number % len(files)]
        picture = prepare(of_its_own(file.read_bytes(), number), SIDE)
        if not isinstance(picture, Picture):
            raise ValueError(f"{file}: {picture.error}")
        return picture.pixels

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        pixels = list(threads.map(kept, range(count)))
    ids = pa.array([_digest(number)[:16] for number in range(count)], pa.uuid())
    rows = pa.table({"image_id": ids, "pixels": pa.array(pixels, pa.binary())})
    append({"raw.image_pixels": rows})


def land_embeddings(count: int, dimension: int, model_id: str) -> None:
    """`count` random unit vectors, as an encoder makes them."""
    for start in range(0, count, 50_000):
        rng = np.random.default_rng(start)
        size = min(50_000, count - start)
        vector_BD = rng.normal(size=(size, dimension)).astype(np.float32)
        vector_BD /= np.linalg.norm(vector_BD, axis=1, keepdims=True)
        ids = [_digest(start + number)[:16] for number in range(size)]
        append(
            {
                "enriched.image_embeddings": pa.table(
                    {
                        "image_id": pa.array(ids, pa.uuid()),
                        "model_id": [model_id] * size,
                        "outcome": ["ok"] * size,
                        "embedding": to_blobs(vector_BD),
                    }
                )
            }
        )


def land_captions(count: int) -> None:
    """`count` different captions of some five words in four languages."""
    with writing() as con:
        for captions in _captions(count):
            ids = pa.array([text_id(caption).bytes for caption in captions], pa.uuid())
            rows = pa.table({"caption_id": ids, "caption": captions})
            con.register("rows", rows)
            con.execute(
                "insert into lake.intermediate.captions select caption_id, caption, null from rows"
            )
            con.unregister("rows")


def _captions(count: int) -> Iterator[Sequence[str]]:
    for start in range(0, count, 50_000):
        rng = np.random.default_rng(start)
        drawn = rng.choice(_WORDS, (min(50_000, count - start), 5))
        yield [f"{' '.join(words)} {start + number}" for number, words in enumerate(drawn)]


def _digest(number: int) -> bytes:
    return number.to_bytes(16, "little").rjust(32, b"\1")[-16:] + bytes(16)
