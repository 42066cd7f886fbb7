with

source as (

    select * from {{ source('enriched', 'image_neighbours') }}

),

keyed as (

    select
        image_id,
        neighbour_id,
        model_id,
        outcome,
        error,
        cosine,
        attempt_id,
        landed_at
    from source
    {{ first_success('image_id, neighbour_id, model_id') }}

)

select * from keyed
