{{ config(materialized='table', compared_by='image_id') }}

with

images as (

    select * from {{ ref('stg_raw__images') }}

),

takedowns_in_force as (

    select * from {{ ref('int_takedowns_in_force') }}

),

images_taken_down as (

    select image_id
    from images
    where
        image_id in (
            select takedowns_in_force.value_id
            from takedowns_in_force
            where takedowns_in_force.kind = 'image_sha256'
        )
        or md5 in (
            select takedowns_in_force.value_id
            from takedowns_in_force
            where takedowns_in_force.kind = 'image_md5'
        )

)

select * from images_taken_down
