with

recipes as (

    select * from {{ ref('int_recipes') }}
    where recipe = '{{ recipe() }}'

),

similarity_models as (

    select * from {{ ref('similarity_models') }}

),

image_heads as (

    select * from {{ ref('image_heads') }}

),

models as (

    select * from {{ ref('stg_enriched__models') }}

),

scores as (

    select
        unnest([
            {% for rating in ratings() -%}
                {
                    'kind': '{{ rating.kind }}',
                    'name': {{ rating.kind }}_model
                },
            {% endfor -%}
            { 'kind': 'language', 'name': language_model },
            { 'kind': 'image_hash', 'name': image_hash_model }
        ], recursive := true)
    from recipes

),

similarities as (

    select similarity_models.*
    from similarity_models
    inner join recipes
        on similarity_models.similarity_model in (
            recipes.similarity_model_en, recipes.similarity_model_other
        )

),

named as (

    select
        kind,
        name
    from scores

    union

    select
        'similarity' as kind,
        similarity_model as name
    from similarities

    union

    select
        'image_encoder' as kind,
        image_encoder as name
    from similarities

    union

    select
        'image_encoder' as kind,
        image_heads.image_encoder as name
    from scores
    inner join image_heads on scores.name = image_heads.head

    union

    select
        'caption_encoder' as kind,
        caption_encoder as name
    from similarities

    union

    select
        'image_neighbours' as kind,
        similarities.image_encoder as name
    from similarities
    inner join recipes on recipes.duplicates = 'near'

),

recipe_models as (

    select
        named.kind,
        named.name,
        models.model_id
    from named
    left join models
        on
            named.name = models.name
            -- Neighbours are those of an encoder's embeddings.
            and models.kind = case named.kind
                when 'image_neighbours' then 'image_encoder'
                else named.kind
            end
    where named.name is not null

)

select * from recipe_models
