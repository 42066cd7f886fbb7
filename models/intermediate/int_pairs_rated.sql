with

pairs_scored as (

    select * from {{ ref('int_pairs_scored') }}
    where is_worth_rating

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

-- A rating stands beside the id of the model that made it, or neither does.
pairs_rated as (

    select
        pairs_scored.pair_id,
        pairs_scored.recipe,
        image_nsfw.punsafe,
        image_nsfw.model_id as nsfw_model_id,
        image_watermarks.pwatermark,
        image_watermarks.model_id as watermark_model_id,
        image_aesthetics.aesthetic_score,
        image_aesthetics.model_id as aesthetic_model_id,
        image_inappropriate.pinappropriate,
        image_inappropriate.model_id as inappropriate_model_id,
        caption_toxicity.toxicity,
        caption_toxicity.model_id as toxicity_model_id
    from pairs_scored
    left join image_nsfw
        on
            pairs_scored.image_id = image_nsfw.image_id
            and pairs_scored.nsfw_model_id = image_nsfw.model_id
    left join image_watermarks
        on
            pairs_scored.image_id = image_watermarks.image_id
            and pairs_scored.watermark_model_id = image_watermarks.model_id
    left join image_aesthetics
        on
            pairs_scored.image_id = image_aesthetics.image_id
            and pairs_scored.aesthetic_model_id = image_aesthetics.model_id
    left join image_inappropriate
        on
            pairs_scored.image_id = image_inappropriate.image_id
            and pairs_scored.inappropriate_model_id
            = image_inappropriate.model_id
    left join caption_toxicity
        on
            pairs_scored.caption_id = caption_toxicity.caption_id
            and pairs_scored.language
            is not distinct from caption_toxicity.language
            and pairs_scored.toxicity_model_id = caption_toxicity.model_id

)

select * from pairs_rated
