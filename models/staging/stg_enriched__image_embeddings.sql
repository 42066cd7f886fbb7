with

source as (

    select * from {{ source('enriched', 'image_embeddings') }}

),

keyed as (

    select
        image_id,
        model_id,
        outcome,
        error,
        embedding,
        attempt_id,
        landed_at
    from source
    {{ first_success('image_id, model_id') }}

)

select * from keyed
