with

image_licences as (

    select * from {{ ref('int_image_licences') }}

),

images_licensed as (

    {{ most_restrictive('image_id', 'image_licences') }}

)

select * from images_licensed
