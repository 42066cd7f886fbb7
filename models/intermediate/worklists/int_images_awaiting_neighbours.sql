with

recipe_models as (

    select * from {{ ref('int_recipe_models') }}
    where kind = 'image_neighbours'

),

image_embeddings as (

    select * from {{ ref('stg_enriched__image_embeddings') }}
    where outcome = 'ok'

),

image_neighbours as (

    select * from {{ ref('stg_enriched__image_neighbours') }}

),

images_awaiting_neighbours as (

    select
        image_embeddings.image_id,
        recipe_models.name as model,
        recipe_models.model_id,
        {{ var('neighbour_min_cosine') }}::float as min_cosine,
        {{ var('max_neighbours') }}::integer as max_neighbours
    from image_embeddings
    inner join recipe_models
        on image_embeddings.model_id = recipe_models.model_id
    anti join image_neighbours
        on
            image_embeddings.image_id = image_neighbours.image_id
            and image_embeddings.model_id = image_neighbours.model_id

)

select * from images_awaiting_neighbours
