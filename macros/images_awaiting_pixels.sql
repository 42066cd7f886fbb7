{#-
    Images that lack what a model of this kind makes of their pixels, and have
    pixels now.
-#}
{% macro images_awaiting_pixels(kind) -%}
    with

    images_unscored as (

        select * from {{ ref("int_images_unscored") }}

    ),

    images_awaiting as (

        select
            image_id,
            attempt_id,
            model,
            model_id
        from images_unscored
        where
            kind = '{{ kind }}'
            and attempt_id is not null

    )

    select * from images_awaiting
{%- endmacro %}
