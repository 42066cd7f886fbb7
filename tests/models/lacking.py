"""Pairs that each lack one thing, under a recipe that wants them all: whose pixels must stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

from pairlake.lake.append import append
from pairlake.lake.catalog import writing
from pairlake.lake.keys import text_id
from tests.models import landed
from tests.models.landed import Case

# The recipe `demo` with a threshold for each rating.
_RECIPE = """
insert into lake.seeds.recipes (recipe, rule, value) values
    ('demo', 'below_punsafe', '0.5'),
    ('demo', 'below_pwatermark', '0.8'),
    ('demo', 'aesthetic_model', 'aesthetic_v2_l14'),
    ('demo', 'above_aesthetic_score', '5'),
    ('demo', 'inappropriate_model', 'eyes'),
    ('demo', 'below_pinappropriate', '0.9'),
    ('demo', 'below_toxicity', '0.6')
"""


class Made(NamedTuple):
    """What makes a thing that a pair may lack, and the row that it makes."""

    kind: str
    name: str
    model_id: str
    table: str
    row: str


_THINGS = {
    "language": Made("language", "cld3", "cld3@1", "caption_languages",
                     "caption_id, 'en' as language, true as is_reliable"),
    "hash": Made("image_hash", "phash", "phash@1", "image_hashes", "image_id, 0 as phash"),
    "embedding": Made("image_encoder", "mini_clip", "mini_clip@i", "image_embeddings", "image_id"),
    "similarity": Made("similarity", "mini_clip", "mini_clip@s", "pair_similarities",
                       "image_id, caption_id, similarity"),
    "nsfw": Made("nsfw", "open_nsfw", "open@1", "image_nsfw", "image_id, 0.1 as punsafe"),
    "watermark": Made("watermark", "watermark_cnn", "cnn@1", "image_watermarks",
                      "image_id, 0.1 as pwatermark"),
    "head's embedding": Made("image_encoder", "ViT-L-14/openai", "large@i", "image_embeddings",
                             "image_id"),
    "aesthetic": Made("aesthetic", "aesthetic_v2_l14", "head@1", "image_aesthetics",
                      "image_id, 6 as aesthetic_score"),
    "inappropriate": Made("inappropriate", "eyes", "eyes@1", "image_inappropriate",
                          "image_id, 0.1 as pinappropriate"),
    "toxicity": Made("toxicity", "profanity_check", "words@1", "caption_toxicity",
                     "caption_id, 'en' as language, 0.1 as toxicity"),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Lacking:
    """A pair and what it lacks; `worklist` names its picture, for its pixels.

    That of ratings has theirs `of` each kind.
    """

    case: Case
    lacks: tuple[str, ...] = ()
    worklist: str | None = None

    @property
    def is_undecided(self) -> bool:
        """Whether its verdict is that something is missing."""
        return (self.case.drop_reason or "").endswith("_missing")


def _lacking(
    *lacks: str, drop_reason: str | None, worklist: str | None = None, similarity: float = 0.9
) -> Lacking:
    caption = f"a pair of {similarity} without {' and '.join(lacks) or 'any lack'}"
    case = Case(caption=caption, drop_reason=drop_reason, similarity=similarity)
    named = f"int_ratings_awaiting of {worklist}"
    if worklist in (None, "hash", "embedding"):
        named = f"int_images_awaiting_{worklist}"
    return Lacking(case=case, lacks=lacks, worklist=worklist and named)


PAIRS = (
    KEPT := _lacking(drop_reason=None),
    DROPPED := _lacking(drop_reason="similarity_too_low", similarity=0.1),
    SEEN_AGAIN := _lacking(drop_reason="similarity_too_low", similarity=0.2),
    # A hash is wanted of decided pairs too.
    _lacking("hash", drop_reason=None, worklist="hash"),
    _lacking("hash", drop_reason="similarity_too_low", worklist="hash", similarity=0.1),
    _lacking("language", drop_reason="language_missing"),
    UNEMBEDDED := _lacking(
        "embedding", "similarity", drop_reason="similarity_missing", worklist="embedding"
    ),
    _lacking("similarity", drop_reason="similarity_missing"),
    UNRATED := _lacking("nsfw", drop_reason="punsafe_missing", worklist="nsfw"),
    UNMARKED := _lacking("watermark", drop_reason="pwatermark_missing", worklist="watermark"),
    _lacking(
        "head's embedding", "aesthetic", drop_reason="aesthetic_score_missing", worklist="embedding"
    ),
    _lacking("aesthetic", drop_reason="aesthetic_score_missing"),
    _lacking("inappropriate", drop_reason="pinappropriate_missing", worklist="inappropriate"),
    _lacking("toxicity", drop_reason="toxicity_missing"),
    # Of one picture, one pair is decided and one is not.
    Lacking(
        case=Case(caption="an unread one", drop_reason="language_missing", picture="of two"),
        lacks=("language",),
    ),
    Lacking(
        case=Case(
            caption="one that is read",
            drop_reason="similarity_too_low",
            picture="of two",
            similarity=0.1,
        )
    ),
)


def land() -> None:
    """Land the pairs, their pictures and all that they do not lack."""
    cases = tuple(pair.case for pair in PAIRS)
    landed.land_file(cases, "CRAWL-4", "one.wat")
    landed.land_images(*cases)
    models = [{"kind": m.kind, "name": m.name, "model_id": m.model_id} for m in _THINGS.values()]
    append({"enriched.models": pa.Table.from_pylist(models)})
    rows = pa.table(
        {
            "image_id": pa.array([case.image_id.bytes for case in cases], pa.uuid()),
            "caption_id": pa.array([text_id(case.caption).bytes for case in cases], pa.uuid()),
            "similarity": [case.similarity for case in cases],
            "lacks": [pair.lacks for pair in PAIRS],
        }
    )
    with writing() as con:
        con.register("rows", rows)
        con.execute(_RECIPE)
        for thing, made in _THINGS.items():
            con.execute(
                f"insert into lake.enriched.{made.table} by name select {made.row}, "
                "? as model_id, 'ok' as outcome from rows where not list_contains(lacks, ?)",
                [made.model_id, thing],
            )
