{{
    config(
        partitioned_by=['split'],
        post_hook={
            "sql": "copy (from {{ this }})"
            ~ " to (getvariable('published') || '/pairs')"
            ~ " (format parquet, partition_by (split), overwrite true)",
            "transaction": false,
        },
    )
}}

with

pairs_judged as (

    select * from {{ ref('int_pairs_judged') }}
    where drop_reason is null

),

pairs_deduplicated as (

    select * from {{ ref('int_pairs_deduplicated') }}

),

pairs_scored as (

    select * from {{ ref('int_pairs_scored') }}
    where recipe = '{{ recipe() }}'

),

pairs_rated as (

    select * from {{ ref('int_pairs_rated') }}
    where recipe = '{{ recipe() }}'

),

pairs as (

    select
        pairs_judged.pair_id,
        pairs_judged.url_id,
        pairs_judged.caption_id,
        pairs_judged.image_id,
        laion_hash(
            pairs_deduplicated.image_url, pairs_deduplicated.caption
        ) as hash,
        pairs_deduplicated.image_url,
        pairs_deduplicated.caption,
        pairs_judged.language,
        pairs_scored.language_probability,
        pairs_judged.split,
        pairs_scored.width,
        pairs_scored.height,
        pairs_scored.image_format,
        pairs_scored.image_bytes,
        pairs_scored.md5,
        pairs_scored.sha256,
        pairs_scored.similarity,
        pairs_scored.similarity_model_id,
        pairs_rated.punsafe,
        pairs_rated.nsfw_model_id,
        pairs_rated.pwatermark,
        pairs_rated.watermark_model_id,
        pairs_rated.aesthetic_score,
        pairs_rated.aesthetic_model_id,
        pairs_rated.pinappropriate,
        pairs_rated.inappropriate_model_id,
        pairs_rated.toxicity,
        pairs_rated.toxicity_model_id,
        pairs_scored.phash,
        pairs_deduplicated.page_url,
        pairs_deduplicated.license_url,
        pairs_deduplicated.occurrences,
        pairs_deduplicated.crawl_id,
        pairs_deduplicated.source_id,
        pairs_scored.downloaded_at
    from pairs_judged
    inner join pairs_deduplicated
        on pairs_judged.pair_id = pairs_deduplicated.pair_id
    inner join pairs_scored on pairs_judged.pair_id = pairs_scored.pair_id
    left join pairs_rated on pairs_judged.pair_id = pairs_rated.pair_id

)

select * from pairs
