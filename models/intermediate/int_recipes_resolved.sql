with

recipes as (

    select * from {{ ref('recipes') }}

),

models as (

    select * from {{ ref('stg_enriched__models') }}

),

recipes_resolved as (

    select
        recipes.*,
        languages.model_id as language_model_id,
        image_hashes.model_id as image_hash_model_id,
        similarities_en.model_id as similarity_model_id_en,
        similarities_other.model_id as similarity_model_id_other
    from recipes
    left join models as languages
        on
            recipes.language_model = languages.name
            and languages.kind = 'language'
    left join models as image_hashes
        on
            recipes.image_hash_model = image_hashes.name
            and image_hashes.kind = 'image_hash'
    left join models as similarities_en
        on
            recipes.similarity_model_en = similarities_en.name
            and similarities_en.kind = 'similarity'
    left join models as similarities_other
        on
            recipes.similarity_model_other = similarities_other.name
            and similarities_other.kind = 'similarity'

)

select * from recipes_resolved
