with

image_neighbours as (

    select * from {{ ref('stg_enriched__image_neighbours') }}
    where outcome = 'ok' and cosine >= {{ var('match_min_cosine') }}::float

),

-- Whichever of the two came later has the other among its neighbours.
both_ways as (

    select
        model_id,
        image_id,
        neighbour_id as matching_image_id,
        cosine
    from image_neighbours

    union all

    select
        model_id,
        neighbour_id as image_id,
        image_id as matching_image_id,
        cosine
    from image_neighbours

),

embedding_matches as (

    select
        model_id,
        image_id,
        matching_image_id,
        max(cosine) as cosine
    from both_ways
    group by model_id, image_id, matching_image_id

)

select * from embedding_matches
