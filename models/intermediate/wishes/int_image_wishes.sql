with

image_rights as (

    select * from {{ ref('stg_raw__image_rights') }}

),


wish_meanings as (

    select * from {{ ref('wish_meanings') }}

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

wishes as (

    select
        said.image_id,
        wish_meanings.signal,
        wish_meanings.use,
        wish_meanings.says,
        said.evidence,
        said.heard_at
    from said
    inner join wish_meanings
        on
            said.property = wish_meanings.property
            and said.term = lower(wish_meanings.value)

)

select * from wishes
