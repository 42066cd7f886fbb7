with

source as (

    select * from {{ source('raw', 'image_rights') }}

),

keyed as (

    select
        image_id,
        carrier,
        property,
        value,
        is_cut,
        heard_at,
        attempt_id,
        landed_at
    from source
    qualify row_number() over (
        partition by image_id, carrier, property, value
        order by landed_at, attempt_id
    ) = 1

)

select * from keyed
