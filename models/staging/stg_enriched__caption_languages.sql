with

source as (

    select * from {{ source('enriched', 'caption_languages') }}

),

keyed as (

    select
        caption_id,
        model_id,
        outcome,
        error,
        language,
        probability,
        is_reliable,
        attempt_id,
        landed_at
    from source
    {{ first_success('caption_id, model_id') }}

)

select * from keyed
