"""Lands a synthetic lake of so many pairs, with what the jobs would have found for each.

All of it is SQL over numbers and hashes: `world.sql` says what a number stands for, `landing.sql`
lands one commit. The same seed makes the same lake.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from pairlake.lake.catalog import connect, writing

_HERE = Path(__file__).parent
# A crawl file of Common Crawl's size; a small lake has smaller ones, so that there are repeats.
_FILE_PAIRS = 100_000
_COMMIT_FILES = 10
_FILES_AT_LEAST = 10
_CRAWLS = 5
_WORDS = (
    "a the of in on with and for red blue green black white old new small large house garden cat "
    "dog horse sea beach city street night morning summer winter photo picture portrait view "
    "stock vector image art print design home kitchen table chair wooden vintage free download "
    "women men shoes dress shirt bag car wedding birthday party food recipe cake hotel room map"
)
_TEXT = """
set variable text = (
    select string_agg(words[1 + (hash(i) % len(words))::int], ' ' order by i)
    from (select string_split($1, ' ') as words, unnest(range(1000)) as i)
)
"""
MODELS = (
    ("language", "cld3", "cld3@1"),
    ("image_hash", "phash", "phash@1"),
    ("image_encoder", "ViT-B-32/openai", "ViT-B-32@i"),
    ("image_encoder", "ViT-L-14/openai", "ViT-L-14@i"),
    ("caption_encoder", "ViT-B-32/openai", "ViT-B-32@c"),
    ("caption_encoder", "clip-ViT-B-32-multilingual-v1", "mclip@c"),
    ("similarity", "ViT-B-32/openai", "ViT-B-32@s"),
    ("similarity", "ViT-B-32/openai+mclip", "mclip@s"),
    ("nsfw", "nsfw_l14", "nsfw_l14@1"),
    ("nsfw", "nsfw_b32", "nsfw_b32@1"),
    ("watermark", "watermark_cnn", "watermark_cnn@1"),
    ("aesthetic", "aesthetic_v2_l14", "aesthetic_v2_l14@1"),
    ("inappropriate", "q16_l14", "q16_l14@1"),
)


def land(pairs: int, *, seed: int = 0) -> None:
    """Land `pairs` distinct pairs in five crawls, and 15 % of landings more that repeat one."""
    per_file = min(_FILE_PAIRS, pairs // _FILES_AT_LEAST)
    con = connect()
    _prepare(con, seed)
    with writing(con):
        con.executemany(
            "insert into lake.enriched.models (kind, name, model_id, landed_at) "
            "values (?, ?, ?, timestamp '2026-01-01')",
            MODELS,
        )
    per_commit = per_file * min(_COMMIT_FILES, max(1, pairs // per_file // _CRAWLS))
    for first in range(0, pairs, per_commit):
        crawl = f"CRAWL-{first * _CRAWLS // pairs}"
        _land(con, first, min(first + per_commit, pairs), per_file, crawl)
    con.close()


def land_later(old_pairs: int, pairs: int, *, seed: int = 0) -> None:
    """Land one crawl more of `pairs` pairs, a fifth of them among the `old_pairs` of `land`."""
    per_file = min(_FILE_PAIRS, old_pairs // _FILES_AT_LEAST)
    con = connect()
    _prepare(con, seed)
    con.execute("set variable seen_before = 0.2")
    new = pairs * 4 // 5
    _land(con, old_pairs, old_pairs + new, per_file, "CRAWL-later")
    con.close()


def score_late(pictures: int) -> None:
    """Land one score more of so many pictures that lack it."""
    con = connect()
    with writing(con):
        con.execute(
            "insert into lake.enriched.image_nsfw by name "
            "select image_id, 'nsfw_l14@1' as model_id, 'ok' as outcome, 0.5 as punsafe, "
            "uuid() as attempt_id, now()::timestamp as landed_at "
            "from lake.raw.images anti join lake.enriched.image_nsfw using (image_id) "
            "order by image_id limit ?",
            [pictures],
        )
    con.close()


def _prepare(con: duckdb.DuckDBPyConnection, seed: int) -> None:
    con.execute(f"set variable seed = {seed}")
    con.execute(_TEXT, [_WORDS])
    con.execute("set variable seen_before = null")
    _run(con, "world.sql")


def _land(con: duckdb.DuckDBPyConnection, first: int, end: int, per_file: int, crawl: str) -> None:
    for name, value in (("first_pair", first), ("end_pair", end), ("file_pairs", per_file)):
        con.execute(f"set variable {name} = {value}::bigint")
    con.execute("set variable crawl_id = $1", [crawl])
    con.execute(f"set variable attempt_id = md5('commit {first}')::uuid")
    con.execute(f"set variable landed_at = timestamp '2026-01-01' + interval {first} second")
    with writing(con):
        _run(con, "landing.sql")


def _run(con: duckdb.DuckDBPyConnection, name: str) -> None:
    # DuckDB's own split of a script, so that a semicolon in a text is none.
    for statement in con.extract_statements((_HERE / name).read_text()):
        con.execute(statement)
