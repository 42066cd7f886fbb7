with

source as (

    select * from {{ source('enriched', 'image_aesthetics') }}

),

keyed as (

    select
        image_id,
        model_id,
        outcome,
        error,
        aesthetic_score,
        attempt_id,
        landed_at
    from source
    {{ first_success('image_id, model_id') }}

)

select * from keyed
