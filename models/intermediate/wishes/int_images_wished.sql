with

wishes as (

    select * from {{ ref('int_image_wishes') }}

),

{{ wished('image_id') }}

select * from wished
