{#-
    Images of pairs that are worth rating and lack a row of `scores` by the recipe's model of that
    kind. A model of the seed `image_heads` reads the embedding of its encoder, and its images wait
    for that one; any other reads pixels, and `attempt_id` says which row of them.
-#}
{% macro images_awaiting(kind, scores) -%}
    with

    pairs_scored as (

        select * from {{ ref("int_pairs_flagged_live") }}
        where is_worth_rating

    ),

    recipe_models as (

        select * from {{ ref("int_recipe_models") }}

    ),

    image_heads as (

        select * from {{ ref("image_heads") }}

    ),

    image_embeddings as (

        select * from {{ ref("stg_enriched__image_embeddings") }}
        where outcome = 'ok'

    ),

    image_pixels as (

        select * from {{ ref("stg_raw__image_pixels") }}

    ),

    scores as (

        select * from {{ ref(scores) }}

    ),

    models as (

        select
            recipe_models.name,
            recipe_models.model_id,
            image_heads.head is not null as is_head,
            encoders.model_id as image_model_id
        from recipe_models
        left join image_heads on recipe_models.name = image_heads.head
        left join recipe_models as encoders
            on
                image_heads.image_encoder = encoders.name
                and encoders.kind = 'image_encoder'
        where recipe_models.kind = '{{ kind }}'

    ),

    images as (

        select distinct image_id from pairs_scored

    ),

    wanted as (

        select
            images.image_id,
            models.name as model,
            models.model_id,
            models.image_model_id,
            models.is_head
        from images
        cross join models
        anti join scores
            on
                images.image_id = scores.image_id
                and models.model_id = scores.model_id

    )

    select
        wanted.image_id,
        wanted.model,
        wanted.model_id,
        wanted.image_model_id,
        null::uuid as attempt_id
    from wanted
    semi join image_embeddings
        on
            wanted.image_id = image_embeddings.image_id
            and wanted.image_model_id = image_embeddings.model_id
    where wanted.is_head

    union all

    select
        wanted.image_id,
        wanted.model,
        wanted.model_id,
        null::varchar as image_model_id,
        image_pixels.attempt_id
    from wanted
    inner join image_pixels on wanted.image_id = image_pixels.image_id
    where not wanted.is_head
{%- endmacro %}
