with

images as (

    select * from {{ ref('stg_raw__images') }}

),

images_wished as (

    select * from {{ ref('int_images_wished') }}

),

images_synthetic as (

    select * from {{ ref('int_images_synthetic') }}

),

images_licensed as (

    select * from {{ ref('int_images_licensed') }}

),

images_live as (

    select
        images.image_id,
        images.width,
        images.height,
        images.image_format,
        images.image_bytes,
        images.md5,
        images.sha256,
        images_wished.refused_uses,
        images_wished.allowed_uses,
        images_synthetic.image_id is not null as is_synthetic,
        images_licensed.licence
    from images
    left join images_wished on images.image_id = images_wished.image_id
    left join images_synthetic on images.image_id = images_synthetic.image_id
    left join images_licensed on images.image_id = images_licensed.image_id

)

select * from images_live
