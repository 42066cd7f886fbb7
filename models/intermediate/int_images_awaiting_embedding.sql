with

pairs_routed as (

    select * from {{ ref('int_pairs_routed') }}

),

image_pixels as (

    select * from {{ ref('stg_raw__image_pixels') }}

),

image_embeddings as (

    select * from {{ ref('stg_enriched__image_embeddings') }}

),

images as (

    select distinct
        image_id,
        image_model,
        image_model_id
    from pairs_routed

),

images_awaiting_embedding as (

    select
        images.image_id,
        image_pixels.attempt_id,
        images.image_model as model,
        images.image_model_id as model_id
    from images
    inner join image_pixels on images.image_id = image_pixels.image_id
    anti join image_embeddings
        on
            images.image_id = image_embeddings.image_id
            and images.image_model_id = image_embeddings.model_id

)

select * from images_awaiting_embedding
