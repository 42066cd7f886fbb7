{{
    config(
        materialized='table',
        buckets_by='image_id',
        bucket_bytes=200,
        changed_by={'raw.images': 'image_id'},
    )
}}

with

images as (

    select
        image_id,
        width,
        height,
        image_format,
        image_bytes,
        md5,
        sha256
    from {{ ref('stg_raw__images') }}
    where {{ in_bucket('image_id') }}

)

select * from images
