with

source as (

    select * from {{ source('raw', 'images') }}

),

keyed as (

    select
        image_id,
        width,
        height,
        format as image_format,
        bytes as image_bytes,
        md5,
        sha256,
        first_seen_at,
        frames,
        attempt_id,
        landed_at
    from source
    qualify row_number() over (
        partition by image_id
        order by landed_at, attempt_id
    ) = 1

)

select * from keyed
