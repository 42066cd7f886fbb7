{#-
    All that is known of each pair, by the models of some recipes, and nothing decided: CTEs that end
    with `measured`, one row per pair and recipe of the CTE `measuring`, which must stand before it.
-#}
{% macro measured() -%}
    pairs_deduplicated as (

        select * from {{ ref('int_pairs_deduplicated') }}

    ),

    pairs_taken_down as (

        select * from {{ ref('int_pairs_taken_down') }}

    ),

    hosts_excluded as (

        select * from {{ ref('int_hosts_excluded') }}

    ),

    caption_languages as (

        select * from {{ ref('stg_enriched__caption_languages') }}
        where outcome = 'ok'

    ),

    unsafe_captions as (

        select * from {{ ref('int_captions_with_unsafe_keywords') }}

    ),

    urls_resolved as (

        select * from {{ ref('int_urls_resolved_live') }}

    ),

    images as (

        select * from {{ ref('stg_raw__images') }}

    ),

    images_taken_down as (

        select * from {{ ref('int_images_taken_down') }}

    ),

    image_hashes as (

        select * from {{ ref('stg_enriched__image_hashes') }}
        where outcome = 'ok'

    ),

    pair_similarities as (

        select * from {{ ref('stg_enriched__pair_similarities') }}
        where outcome = 'ok' and not isnan(similarity)

    ),

    image_nsfw as (

        select * from {{ ref('stg_enriched__image_nsfw') }}
        where outcome = 'ok'

    ),

    image_watermarks as (

        select * from {{ ref('stg_enriched__image_watermarks') }}
        where outcome = 'ok'

    ),

    image_aesthetics as (

        select * from {{ ref('stg_enriched__image_aesthetics') }}
        where outcome = 'ok'

    ),

    image_inappropriate as (

        select * from {{ ref('stg_enriched__image_inappropriate') }}
        where outcome = 'ok'

    ),

    caption_toxicity as (

        select * from {{ ref('stg_enriched__caption_toxicity') }}
        where outcome = 'ok'

    ),

    -- LAION-5B's three outcomes: English, another language, none that is sure.
    read as (

        select
            pairs_deduplicated.*,
            measuring.recipe as measured_as,
            measuring.similarity_model_en,
            measuring.similarity_model_id_en,
            measuring.similarity_model_other,
            measuring.similarity_model_id_other,
            measuring.image_hash_model_id,
            measuring.nsfw_model_id,
            measuring.watermark_model_id,
            measuring.aesthetic_model_id,
            measuring.inappropriate_model_id,
            measuring.toxicity_model_id,
            caption_languages.caption_id is not null as has_language,
            caption_languages.probability as language_probability,
            case
                when
                    coalesce(
                        caption_languages.is_reliable,
                        caption_languages.probability
                        >= measuring.min_language_probability
                    )
                    and caption_languages.language not in ('', 'und')
                    then split_part(caption_languages.language, '-', 1)
            end as language
        from pairs_deduplicated
        cross join measuring
        left join caption_languages
            on
                pairs_deduplicated.caption_id = caption_languages.caption_id
                and measuring.language_model_id = caption_languages.model_id

    ),

    routed as (

        select
            *,
            case
                when not has_language then null
                when language is null then 'nolang'
                when language = 'en' then 'en'
                else 'multi'
            end as split,
            case
                when language = 'en' then similarity_model_en
                when has_language then similarity_model_other
            end as similarity_model,
            case
                when language = 'en' then similarity_model_id_en
                when has_language then similarity_model_id_other
            end as similarity_model_id
        from read

    ),

    measured as (

        select
            routed.pair_id,
            routed.url_id,
            routed.caption_id,
            images.image_id,
            routed.measured_as,
            routed.image_url,
            routed.caption,
            routed.crawl_landed_at,
            routed.is_erased
            or pairs_taken_down.pair_id is not null
            or images_taken_down.image_id is not null
            or coalesce(hosts_excluded.is_taken_down, false)
            -- The fetcher met a picture that is to be forgotten.
            or coalesce(urls_resolved.outcome = 'blocked', false) as is_taken_down,
            coalesce(hosts_excluded.is_blocked, false) as is_domain_blocked,
            routed.is_http,
            routed.caption_chars,
            routed.caption_words,
            routed.has_language,
            routed.language,
            routed.language_probability,
            routed.split,
            urls_resolved.outcome as download_outcome,
            urls_resolved.outcome_kind as download_outcome_kind,
            images.width,
            images.height,
            images.image_format,
            images.image_bytes,
            images.md5,
            images.sha256,
            urls_resolved.downloaded_at,
            image_hashes.phash,
            routed.similarity_model,
            routed.similarity_model_id,
            pair_similarities.similarity,
            image_nsfw.punsafe,
            unsafe_captions.caption_id is not null as has_unsafe_keyword,
            image_watermarks.pwatermark,
            image_aesthetics.aesthetic_score,
            image_inappropriate.pinappropriate,
            caption_toxicity.toxicity
        from routed
        left join pairs_taken_down on routed.pair_id = pairs_taken_down.pair_id
        left join hosts_excluded on routed.host = hosts_excluded.host
        left join unsafe_captions on routed.caption_id = unsafe_captions.caption_id
        left join urls_resolved on routed.url_id = urls_resolved.url_id
        left join images on urls_resolved.image_id = images.image_id
        left join images_taken_down on images.image_id = images_taken_down.image_id
        left join image_hashes
            on
                images.image_id = image_hashes.image_id
                and routed.image_hash_model_id = image_hashes.model_id
        left join pair_similarities
            on
                images.image_id = pair_similarities.image_id
                and routed.caption_id = pair_similarities.caption_id
                and routed.similarity_model_id = pair_similarities.model_id
        left join image_nsfw
            on
                images.image_id = image_nsfw.image_id
                and routed.nsfw_model_id = image_nsfw.model_id
        left join image_watermarks
            on
                images.image_id = image_watermarks.image_id
                and routed.watermark_model_id = image_watermarks.model_id
        left join image_aesthetics
            on
                images.image_id = image_aesthetics.image_id
                and routed.aesthetic_model_id = image_aesthetics.model_id
        left join image_inappropriate
            on
                images.image_id = image_inappropriate.image_id
                and routed.inappropriate_model_id = image_inappropriate.model_id
        left join caption_toxicity
            on
                routed.caption_id = caption_toxicity.caption_id
                and routed.language is not distinct from caption_toxicity.language
                and routed.toxicity_model_id = caption_toxicity.model_id

    )
{%- endmacro %}
