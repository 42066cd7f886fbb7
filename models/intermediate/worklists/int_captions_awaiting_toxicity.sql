with

pairs_scored as (

    select * from {{ ref('int_pairs_flagged_live') }}
    where is_worth_rating

),

recipe_models as (

    select * from {{ ref('int_recipe_models') }}
    where kind = 'toxicity'

),

caption_toxicity as (

    select * from {{ ref('stg_enriched__caption_toxicity') }}

),

captions as (

    select
        caption_id,
        min(caption) as caption,
        min(language) as language
    from pairs_scored
    group by caption_id

),

captions_awaiting_toxicity as (

    select
        captions.caption_id,
        captions.caption,
        captions.language,
        recipe_models.name as model,
        recipe_models.model_id
    from captions
    cross join recipe_models
    anti join caption_toxicity
        on
            captions.caption_id = caption_toxicity.caption_id
            and captions.language is not distinct from caption_toxicity.language
            and recipe_models.model_id = caption_toxicity.model_id

)

select * from captions_awaiting_toxicity
