with

{{ image_terms() }},

synthetic_signs as (

    select * from {{ ref('synthetic_signs') }}

),

images_synthetic as (

    select distinct image_terms.image_id
    from image_terms
    inner join synthetic_signs
        on
            image_terms.property = synthetic_signs.property
            and (
                coalesce(synthetic_signs.value, '') = ''
                or image_terms.term = lower(synthetic_signs.value)
            )

)

select * from images_synthetic
