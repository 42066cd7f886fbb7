with

source as (

    select * from {{ source('raw', 'image_pixels') }}

),

keyed as (

    select
        image_id,
        pixels,
        encoding,
        width,
        height,
        attempt_id,
        landed_at
    from source
    qualify row_number() over (
        partition by image_id
        order by landed_at, attempt_id
    ) = 1

)

select * from keyed
