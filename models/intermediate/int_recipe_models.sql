with

recipes as (

    select * from {{ ref('recipes') }}
    where recipe = '{{ recipe() }}'

),

similarity_models as (

    select * from {{ ref('similarity_models') }}

),

models as (

    select * from {{ ref('stg_enriched__models') }}

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
        'language' as kind,
        language_model as name
    from recipes

    union

    select
        'image_hash' as kind,
        image_hash_model as name
    from recipes

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
        'caption_encoder' as kind,
        caption_encoder as name
    from similarities

),

recipe_models as (

    select
        named.kind,
        named.name,
        models.model_id
    from named
    left join models
        on named.kind = models.kind and named.name = models.name
    where named.name is not null

)

select * from recipe_models
