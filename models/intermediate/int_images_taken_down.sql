{{ config(materialized='table') }}

with

images as (

    select * from {{ ref('stg_raw__images') }}

),

takedowns as (

    select * from {{ ref('stg_raw__takedowns') }}

),

images_taken_down as (

    select image_id
    from images
    where
        image_id in (
            select takedowns.value_id
            from takedowns
            where takedowns.kind = 'image_sha256'
        )
        or md5 in (
            select takedowns.value_id
            from takedowns
            where takedowns.kind = 'image_md5'
        )

)

select * from images_taken_down
