with

image_rights as (

    select * from {{ ref('stg_raw__image_rights') }}

),

synthetic_signs as (

    select * from {{ ref('synthetic_signs') }}

),

images_synthetic as (

    select distinct image_rights.image_id
    from image_rights
    inner join synthetic_signs
        on
            image_rights.property = synthetic_signs.property
            and (
                coalesce(synthetic_signs.value, '') = ''
                or lower(regexp_extract(image_rights.value, '[^/#]*$'))
                = lower(synthetic_signs.value)
            )
    where image_rights.carrier != 'c2pa_ingredient'

)

select * from images_synthetic
