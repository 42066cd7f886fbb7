with

pairs_fetched as (

    select * from {{ ref('int_pairs_flagged_live') }}
    where is_worth_scoring

),

models as (

    select * from {{ ref('int_recipe_models') }}
    where kind = 'image_hash'

),

image_pixels as (

    select * from {{ ref('stg_raw__image_pixels') }}

),

image_hashes as (

    select * from {{ ref('stg_enriched__image_hashes') }}

),

images as (

    select distinct image_id from pairs_fetched

),

images_awaiting_hash as (

    select
        images.image_id,
        image_pixels.attempt_id,
        models.name as model,
        models.model_id
    from images
    inner join image_pixels on images.image_id = image_pixels.image_id
    cross join models
    anti join image_hashes
        on
            images.image_id = image_hashes.image_id
            and models.model_id = image_hashes.model_id

)

select * from images_awaiting_hash
