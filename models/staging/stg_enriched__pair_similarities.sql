with

source as (

    select * from {{ source('enriched', 'pair_similarities') }}

),

keyed as (

    select
        image_id,
        caption_id,
        model_id,
        outcome,
        error,
        similarity,
        attempt_id,
        landed_at
    from source
    {{ first_success('image_id, caption_id, model_id') }}

)

select * from keyed
