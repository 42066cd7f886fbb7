{{
    config(
        materialized='table',
        buckets_by='image_id',
        bucket_bytes=200,
        changed_by={
            'raw.images': 'image_id',
            'raw.image_rights': 'image_id',
        },
    )
}}

with

images as (

    select * from {{ ref('int_images_live') }}
    where {{ in_bucket('image_id') }}

)

select * from images
