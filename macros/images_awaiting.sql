{#-
    Images that lack a rating of one kind by the recipe's model, and can be rated now. A model of the
    seed `image_heads` reads the embedding of its encoder, and its images wait for that one; any other
    reads pixels, and `attempt_id` says which row of them.
-#}
{% macro images_awaiting(kind) -%}
    with

    images_unscored as (

        select * from {{ ref("int_images_unscored") }}
        where kind = '{{ kind }}'

    ),

    image_embeddings as (

        select * from {{ ref("stg_enriched__image_embeddings") }}
        where outcome = 'ok'

    ),

    images_awaiting as (

        select
            images_unscored.image_id,
            images_unscored.model,
            images_unscored.model_id,
            images_unscored.image_model_id,
            images_unscored.attempt_id
        from images_unscored
        left join image_embeddings
            on
                images_unscored.image_id = image_embeddings.image_id
                and images_unscored.image_model_id = image_embeddings.model_id
        where
            image_embeddings.image_id is not null
            or images_unscored.attempt_id is not null

    )

    select * from images_awaiting
{%- endmacro %}


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
