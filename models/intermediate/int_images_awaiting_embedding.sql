with

images_unscored as (

    select * from {{ ref('int_images_unscored') }}

),

images_awaiting_embedding as (

    select
        image_id,
        attempt_id,
        model,
        model_id
    from images_unscored
    where
        kind = 'image_encoder'
        and attempt_id is not null

)

select * from images_awaiting_embedding
