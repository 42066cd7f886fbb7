with

pairs_routed as (

    select * from {{ ref('int_pairs_routed') }}

),

pairs_scored as (

    select * from {{ ref('int_pairs_flagged_live') }}
    where is_worth_rating

),

recipe_models as (

    select * from {{ ref('int_recipe_models') }}

),

image_heads as (

    select * from {{ ref('image_heads') }}

),

image_pixels as (

    select * from {{ ref('stg_raw__image_pixels') }}

),

image_embeddings as (

    select * from {{ ref('stg_enriched__image_embeddings') }}

),

-- Encoders whose embeddings a head of the recipe reads.
encoders as (

    select distinct
        encoders.name,
        encoders.model_id
    from recipe_models as heads
    inner join image_heads on heads.name = image_heads.head
    inner join recipe_models as encoders
        on
            image_heads.image_encoder = encoders.name
            and encoders.kind = 'image_encoder'

),

images as (

    select
        image_id,
        image_model,
        image_model_id
    from pairs_routed

    union

    select
        pairs_scored.image_id,
        encoders.name as image_model,
        encoders.model_id as image_model_id
    from pairs_scored
    cross join encoders

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
