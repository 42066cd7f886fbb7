with

{{ image_terms() }},

said as (

    select
        image_id,
        property,
        term,
        carrier || ': ' || property || '=' || value as evidence,
        heard_at
    from image_terms

),

{{ meant('image_id') }}

select * from wishes
