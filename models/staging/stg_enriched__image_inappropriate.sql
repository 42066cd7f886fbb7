with

source as (

    select * from {{ source('enriched', 'image_inappropriate') }}

),

keyed as (

    select
        image_id,
        model_id,
        outcome,
        error,
        pinappropriate,
        attempt_id,
        landed_at
    from source
    {{ first_success('image_id, model_id') }}

)

select * from keyed
