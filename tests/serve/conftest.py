"""A small lake whose mart is set by hand, so that what serving shows is known to the row."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import UUID

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from jinja2 import Template
from PIL import Image, UnidentifiedImageError

from pairlake.lake.append import append
from pairlake.lake.catalog import connect, writing
from pairlake.lake.errors import BadRequest
from pairlake.lake.keys import pair_id, text_id
from pairlake.lake.project import ROOT
from pairlake.lake.vectors import Matrix, to_blobs
from pairlake.serve.publish.publish import publish
from pairlake.serve.search import published as published_by
from pairlake.serve.search.search import Encoders, Search
from tests.macro import drop_reasons, ratings

DIMENSIONS = 8
# The directions that texts and pictures point in.
AXES = {name: i for i, name in enumerate(("apple", "cat", "sea", "star"))}

_PAIRS = """
create or replace table lake.marts.pairs (
    pair_id uuid, url_id uuid, caption_id uuid, image_id uuid, sample_id bigint, hash bigint,
    image_url varchar, domain varchar, caption varchar, language varchar,
    language_probability float, split varchar, width integer, height integer,
    image_format varchar, image_bytes bigint, md5 uuid, sha256 blob, similarity float,
    similarity_model_id varchar, punsafe float, pwatermark float, aesthetic_score float,
    pinappropriate float, toxicity float, nsfw_model_id varchar, watermark_model_id varchar,
    aesthetic_model_id varchar, inappropriate_model_id varchar, toxicity_model_id varchar,
    phash bigint, page_url varchar, license_url varchar, occurrences bigint, crawl_id varchar,
    source_id varchar, downloaded_at timestamp
)
"""
_AROUND = """
create schema if not exists lake.marts;
create schema if not exists lake.intermediate;
create schema if not exists lake.seeds;
create schema if not exists lake.staging;
create table lake.seeds.similarity_models as
    select 'tiny' as similarity_model, 'tiny' as image_encoder, 'tiny' as caption_encoder;
create table lake.seeds.image_heads as select 'pretty' as head, 'tiny' as image_encoder;
create table lake.intermediate.int_selected_recipe as select 'demo' as recipe;
create table lake.intermediate.int_recipe_models as
    select kind, if(kind = 'aesthetic', 'pretty', 'tiny') as name, kind || '-1' as model_id
    from (
        values ('similarity'), ('image_encoder'), ('caption_encoder'), ('aesthetic')
    ) as kinds (kind);
create table lake.intermediate.int_duplicate_pairs (pair_id uuid, keeper_id uuid, kind varchar);
create table lake.intermediate.int_pairs_deduplicated (
    pair_id uuid, image_url varchar, caption varchar
);
create table lake.intermediate.int_wishes (
    scope varchar, url_id uuid, image_id uuid, page_id uuid, signal varchar, use varchar,
    says varchar, evidence varchar, heard_at timestamp
);
create table lake.marts.pair_licences (
    pair_id uuid, scope varchar, licence varchar, licence_url varchar, evidence varchar,
    page_id uuid, heard_at timestamp
);
create table lake.marts.filter_funnel as
    select * from (values (null, 7, 5, 5), ('caption_too_short', 4, 3, 0))
    as funnel (drop_reason, sightings, pairs, kept);
create table lake.marts.language_stats as
    select * from (values ('en', 'en', 6, 3), ('none', 'nolang', 2, 1))
    as languages (language, split, pairs, kept);
create table lake.marts.similarity_histogram as
    select 'en' as split, 0.3::float as low, 0.32::float as high, 4 as pairs, 3 as kept;
create view lake.staging.stg_enriched__image_embeddings as
    select * from lake.enriched.image_embeddings;
create view lake.staging.stg_enriched__caption_embeddings as
    select * from lake.enriched.caption_embeddings;
create view lake.staging.stg_enriched__models as select * from lake.enriched.models;
create view lake.staging.stg_raw__image_text_pairs as select * from lake.raw.image_text_pairs;
create view lake.staging.stg_raw__downloads as select * from lake.raw.downloads;
create view lake.staging.stg_raw__takedowns as select * from lake.raw.takedowns;
"""
# What the histories are made of: the kept pairs, and those of int_duplicate_pairs.
_KNOWN = """
create or replace view lake.intermediate.int_pairs_known as
    select
        *, 'demo' as recipe, 'demo' as measured_as, length(caption) as caption_chars,
        1 as caption_words,
        if(is_found_only, 'opted_out_data_mining_train', null) as drop_reason,
        if(is_found_only, [drop_reason], []) as drop_reasons,
        false as is_undecided, false as is_taken_down, false as is_domain_blocked,
        if(is_hidden, 'opted_out_data_mining_search', null) as hiding_reason,
        null::uuid as keeper_id
    from (
        select *, image_id in (
            select image_id from lake.intermediate.int_wishes
            where says = 'disallow' and use = 'search'
        ) is true as is_hidden
        from (
            select *, false as is_found_only from lake.marts.pairs
            union all by name
            select *, true as is_found_only from lake.marts.pairs_found_only
        )
    )
    union all by name
    select
        pair_id, md5(image_url)::uuid as url_id, md5(caption)::uuid as caption_id, image_url,
        caption, 'demo' as recipe, 'demo' as measured_as, false as is_undecided, keeper_id,
        coalesce('duplicate_' || kind, 'blocked_domain') as drop_reason,
        [drop_reason] as drop_reasons, false as is_taken_down, kind is null as is_domain_blocked,
        is_domain_blocked as is_hidden, if(is_hidden, drop_reason, null) as hiding_reason,
        false as is_found_only
    from lake.intermediate.int_duplicate_pairs
    inner join lake.intermediate.int_pairs_deduplicated using (pair_id);
create or replace view lake.intermediate.int_pairs_judged as
    select * from lake.intermediate.int_pairs_known;
create or replace view lake.intermediate.int_pairs_kept as
    select * from lake.intermediate.int_pairs_known where drop_reason is null or is_found_only;
create or replace view lake.intermediate.int_pairs_landed as
    select * replace (coalesce(occurrences, 1) as occurrences) from lake.raw.image_text_pairs;
create or replace view lake.intermediate.int_takedowns_in_force as
    select kind, value_id from lake.raw.takedowns;
create or replace table lake.intermediate.int_recipes_applied as select
    'demo' as recipe, 'demo' as measured_as, '' as source, 5 as min_caption_chars,
    null::integer as min_caption_words, null::integer as min_image_bytes,
    null::integer as min_image_side, null::float as max_aspect_ratio,
    0.25::float as min_similarity_en, 0.25::float as min_similarity_other,
    'tiny' as similarity_model_en, 'tiny' as similarity_model_other,
    'similarity-1' as similarity_model_id_en, 'similarity-1' as similarity_model_id_other,
    'tiny' as nsfw_model, 'nsfw-1' as nsfw_model_id, 0.5::float as max_punsafe,
    null::float as below_punsafe, null::float as max_punsafe_with_keyword,
    'tiny' as watermark_model, 'watermark-1' as watermark_model_id,
    null::float as below_pwatermark,
    'pretty' as aesthetic_model, 'aesthetic-1' as aesthetic_model_id,
    null::float as above_aesthetic_score,
    'tiny' as inappropriate_model, 'inappropriate-1' as inappropriate_model_id,
    null::float as below_pinappropriate,
    'tiny' as toxicity_model, 'toxicity-1' as toxicity_model_id, null::float as below_toxicity;
create or replace table lake.seeds.download_outcomes as
    from read_csv('{seeds}/download_outcomes.csv');
create or replace table lake.seeds.wish_meanings as
    from read_csv('{seeds}/wish_meanings.csv');
"""
# The models themselves, each over what stands for what it reads.
_HISTORIES = {
    "landing/int_pairs_sighted": "intermediate",
    "downloads/int_urls_attempted": "intermediate",
    "drop_reasons": "marts",
    "pair_histories": "marts",
}
_STANDS_FOR = {
    "int_pairs_deduplicated": "lake.intermediate.int_pairs_known",
    "int_pairs_described": "lake.intermediate.int_pairs_known",
    "int_pairs_measured": "lake.intermediate.int_pairs_known",
    "download_outcomes": "lake.seeds.download_outcomes",
    "wish_meanings": "lake.seeds.wish_meanings",
    "stg_raw__downloads": "lake.staging.stg_raw__downloads",
}


@pytest.fixture(autouse=True)
def _lake(lake_without_rows: None) -> None:
    """Each test lands into a lake of its own."""


@pytest.fixture(autouse=True)
def _look_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has been published is seen by the next search, not by that of a second later."""
    monkeypatch.setattr(published_by, "LOOK_EVERY_S", 0.0)


def vector(text: str, dimensions: int = DIMENSIONS) -> np.ndarray:
    """A unit vector that points in the direction of the first axis that `text` names."""
    noise = np.random.default_rng(text_id(text).int % 2**32).normal(0, 0.02, dimensions)
    for name, axis in AXES.items():
        if name in text:
            noise[axis] += 1
            break
    return (noise / np.linalg.norm(noise)).astype(np.float32)


def encode_picture(content: bytes) -> np.ndarray:
    """The encoder of the tests' pictures: by their colour, (DIMENSIONS,), normalised."""
    try:
        opened = Image.open(io.BytesIO(content))
    except UnidentifiedImageError as error:
        raise BadRequest("The picture is not one; send another.") from error
    with opened as image:
        colour = image.convert("RGB").getpixel((0, 0))
    (name,) = [name for name in AXES if tuple(text_id(name).bytes[:3]) == colour]
    return vector(name)


def encode_captions(captions: list[str]) -> Matrix:
    """The encoder of the tests' queries: (B, DIMENSIONS), normalised."""
    return np.stack([vector(caption) for caption in captions])


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One kept pair of a test; `picture` names its image, and its colour."""

    caption: str
    picture: str
    language: str | None = "en"
    split: str = "en"
    similarity: float = 0.3
    page_url: str | None = "https://pages.example/1"
    punsafe: float | None = None
    pinappropriate: float | None = None

    @property
    def image_url(self) -> str:
        return f"https://images.example/{self.picture}.png"

    @property
    def pair_id(self) -> UUID:
        return pair_id(self.image_url, self.caption)

    @property
    def image_id(self) -> UUID:
        return text_id(self.picture)


APPLE = Pair(caption="a red apple", picture="apple", similarity=0.31)
POMME = Pair(
    caption="une pomme rouge, apple", picture="apple", language="fr", split="multi", similarity=0.35
)
CAT = Pair(caption="a black cat", picture="cat", page_url=None)
SEA = Pair(caption="sea 42", picture="sea", language=None, split="nolang")
HOSTILE = Pair(
    caption="star <img src=x onerror=document.title='owned'> <b>bold</b>",
    picture="star",
    page_url="javascript:document.title='owned'",
)
PUBLISHED = (APPLE, POMME, CAT, SEA, HOSTILE)


@dataclass(frozen=True, kw_only=True)
class Blurred(Pair):
    """A pair with a score that a list has beside ours."""

    blurriness: float | None = None


@dataclass
class Mart:
    """The mart, and all that publishing reads beside it."""

    con: duckdb.DuckDBPyConnection = field(default_factory=connect)
    dimensions: int = DIMENSIONS
    embedded: set[tuple[str, UUID]] = field(default_factory=set)

    def __post_init__(self) -> None:
        with writing(self.con):
            self.con.execute(_AROUND)
            self.con.execute(_PAIRS)
            self.con.execute(
                "create or replace table lake.marts.pairs_found_only as from lake.marts.pairs"
            )
            self.con.execute(_KNOWN.format(seeds=ROOT / "models" / "seeds"))
            self.con.execute(f"create table lake.marts.ratings as {_model('marts', 'ratings')}")
            for path, schema in _HISTORIES.items():
                name = path.rpartition("/")[2]
                self.con.execute(f"create view lake.{schema}.{name} as {_model(schema, path)}")

    def hear(self, pair: Pair, says: str, use: str) -> None:
        """What a pair's picture says of a use."""
        with writing(self.con):
            self.con.execute(
                "insert into lake.intermediate.int_wishes values "
                "('image', null, ?, null, 'data_mining', ?, ?, 'xmp: a wish', '2026-01-02')",
                [pair.image_id, use, says],
            )

    def find_only(self, *pairs: Pair) -> None:
        """Make these kept pairs such that are found only."""
        among = "from lake.marts.pairs where pair_id in (select unnest(?::uuid[]))"
        ids = [str(pair.pair_id) for pair in pairs]
        with writing(self.con):
            self.con.execute(f"insert into lake.marts.pairs_found_only {among}", [ids])
            self.con.execute(f"delete {among}", [ids])

    def keep(self, *pairs: Pair, pixels: Mapping[str, bytes] | None = None) -> None:
        """Make these the kept pairs; vectors and pixels of new ones land as jobs land them."""
        columns = self.con.sql("select * exclude (sha256) from lake.marts.pairs limit 0")
        schema = columns.to_arrow_table().schema
        rows = pa.Table.from_pylist([_row(pair) for pair in pairs], schema=schema)
        with writing(self.con):
            self.con.execute("delete from lake.marts.pairs")
            self.con.execute("delete from lake.marts.pairs_found_only")
            self.con.register("rows", rows)
            self.con.execute("insert into lake.marts.pairs by name select * from rows")
        pictures = {pair.picture: picture(pair.picture) for pair in pairs} | dict(pixels or {})
        append(
            {
                "enriched.image_embeddings": self._vectors("image", {p.picture for p in pairs}),
                "enriched.caption_embeddings": self._vectors("caption", {p.caption for p in pairs}),
                "raw.image_pixels": pa.table(
                    {
                        "image_id": uuids([text_id(name) for name in pictures]),
                        "pixels": pa.array(pictures.values(), pa.binary()),
                    }
                ),
            },
            self.con,
        )

    def rate(self, score: str, **said: object) -> None:
        """List another score, of pictures and from 0 to 1, that pairs may have from now on."""
        row = {
            "kind": score,
            "label": score,
            "lowest": 0.0,
            "highest": 1.0,
            "keys": ["image_id"],
            "comparison": "<=",
            "hidden_above": None,
            "position": 6,
        }
        with writing(self.con):
            for mart in ("pairs", "pairs_found_only"):
                self.con.execute(f"alter table lake.marts.{mart} add column {score} float")
            self.con.execute(_KNOWN.format(seeds=ROOT / "models" / "seeds"))
            self.con.register("rated", pa.Table.from_pylist([{"score": score, **row, **said}]))
            self.con.execute("insert into lake.marts.ratings by name from rated")

    def forget_vectors(self) -> None:
        """Delete all vectors, so that those of the pairs to come may have other dimensions."""
        self.embedded.clear()
        with writing(self.con):
            self.con.execute("delete from lake.enriched.image_embeddings")
            self.con.execute("delete from lake.enriched.caption_embeddings")

    def _vectors(self, kind: str, texts: set[str]) -> pa.Table:
        new = sorted(text for text in texts if (kind, text_id(text)) not in self.embedded)
        self.embedded |= {(kind, text_id(text)) for text in new}
        vectors = [vector(text, self.dimensions) for text in new]
        return pa.table(
            {
                f"{kind}_id": uuids([text_id(text) for text in new]),
                "model_id": pa.array([f"{kind}_encoder-1"] * len(new), pa.string()),
                "outcome": pa.array(["ok"] * len(new), pa.string()),
                "embedding": to_blobs(np.stack(vectors)) if new else pa.array([], pa.binary()),
            }
        )


def _model(schema: str, path: str) -> str:
    """The SQL of a model of the project."""
    written = (ROOT / "models" / schema / f"{path}.sql").read_text()
    return Template(written, extensions=["jinja2.ext.do"]).render(
        ratings=ratings,
        drop_reasons=drop_reasons,
        ref=lambda name: _STANDS_FOR.get(name, f"lake.intermediate.{name}"),
        config=lambda **_: "",
    )


def picture(name: str) -> bytes:
    """A PNG of 300 x 200 pixels in one colour of its own."""
    colour = tuple(text_id(name).bytes[:3])
    file = io.BytesIO()
    Image.new("RGB", (300, 200), colour).save(file, "PNG")
    return file.getvalue()


ENCODERS = Encoders(
    captions=lambda _: encode_captions,
    pictures=lambda _: encode_picture,
    aesthetic=lambda _: vector("star"),
)


def uuids(keys: list[UUID]) -> pa.Array:
    """Keys as a column of UUIDs."""
    return pa.ExtensionArray.from_storage(
        pa.uuid(), pa.array([key.bytes for key in keys], pa.binary(16))
    )


def _row(pair: Pair) -> dict[str, object]:
    return {
        **asdict(pair),
        "pair_id": pair.pair_id.bytes,
        "image_id": pair.image_id.bytes,
        "caption_id": text_id(pair.caption).bytes,
        "sample_id": int.from_bytes(pair.pair_id.bytes[:8], signed=True),
        "url_id": text_id(pair.image_url).bytes,
        "image_url": pair.image_url,
        "domain": "images.example",
        "width": 300,
        "height": 200,
        "hash": 7,
        "similarity_model_id": "similarity-1",
        "downloaded_at": datetime(2026, 1, 1),
    }


@pytest.fixture
def mart() -> Iterator[Mart]:
    """An empty mart in the test's own lake."""
    mart = Mart()
    yield mart
    mart.con.close()


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an index that holds PUBLISHED, for tests that only read."""
    home = tmp_path_factory.mktemp("published")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PAIRLAKE_HOME", str(home))
        mart = Mart()
        mart.keep(*PUBLISHED)
        mart.con.close()
        publish(progress=lambda _: None)
    return home / "search"


@pytest.fixture
def search(published: Path) -> Search:
    """A search over `published`."""
    return Search(published, ENCODERS)
