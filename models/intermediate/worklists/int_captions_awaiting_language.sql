with

pairs_screened as (

    select * from {{ ref('int_pairs_flagged_live') }}
    where is_worth_reading

),

models as (

    select * from {{ ref('int_recipe_models') }}
    where kind = 'language'

),

caption_languages as (

    select * from {{ ref('stg_enriched__caption_languages') }}

),

captions as (

    select
        caption_id,
        min(caption) as caption
    from pairs_screened
    group by caption_id

),

captions_awaiting_language as (

    select
        captions.caption_id,
        captions.caption,
        models.name as model,
        models.model_id
    from captions
    cross join models
    anti join caption_languages
        on
            captions.caption_id = caption_languages.caption_id
            and models.model_id = caption_languages.model_id

)

select * from captions_awaiting_language
