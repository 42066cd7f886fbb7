with

image_rights as (

    select * from {{ ref('stg_raw__image_rights') }}

),

-- A term may stand there as its URL. What a picture was made from says nothing
-- of the picture.
said as (

    select
        image_id,
        property,
        lower(regexp_extract(value, '[^/#]*$')) as term,
        carrier || ': ' || property || '=' || value as evidence,
        heard_at
    from image_rights
    where carrier != 'c2pa_ingredient'

),

{{ meant('image_id') }}

select * from wishes
