with

source as (

    select * from {{ source('enriched', 'caption_toxicity') }}

),

keyed as (

    select
        caption_id,
        language,
        model_id,
        outcome,
        error,
        toxicity,
        attempt_id,
        landed_at
    from source
    {{ first_success('caption_id, language, model_id') }}

)

select * from keyed
