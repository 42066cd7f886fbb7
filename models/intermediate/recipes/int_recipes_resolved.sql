with

recipes as (

    select * from {{ ref('recipes') }}

),

models as (

    select * from {{ ref('stg_enriched__models') }}

),

resolved as (

    select
        recipes.*,
        languages.model_id as language_model_id,
        image_hashes.model_id as image_hash_model_id,
        similarities_en.model_id as similarity_model_id_en,
        similarities_other.model_id as similarity_model_id_other,
        nsfw.model_id as nsfw_model_id,
        watermarks.model_id as watermark_model_id,
        aesthetics.model_id as aesthetic_model_id,
        inappropriate.model_id as inappropriate_model_id,
        toxicity.model_id as toxicity_model_id
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
    left join models as nsfw
        on
            recipes.nsfw_model = nsfw.name
            and nsfw.kind = 'nsfw'
    left join models as watermarks
        on
            recipes.watermark_model = watermarks.name
            and watermarks.kind = 'watermark'
    left join models as aesthetics
        on
            recipes.aesthetic_model = aesthetics.name
            and aesthetics.kind = 'aesthetic'
    left join models as inappropriate
        on
            recipes.inappropriate_model = inappropriate.name
            and inappropriate.kind = 'inappropriate'
    left join models as toxicity
        on
            recipes.toxicity_model = toxicity.name
            and toxicity.kind = 'toxicity'

),

counted as (

    select
        *,
        list_count([
            language_model_id,
            image_hash_model_id,
            similarity_model_id_en,
            similarity_model_id_other,
            nsfw_model_id,
            watermark_model_id,
            aesthetic_model_id,
            inappropriate_model_id,
            toxicity_model_id
        ]) as model_count
    from resolved

),

-- What one recipe's models measure serves each recipe that has no other ones;
-- theirs counts that has the most.
coverings as (

    select
        resolved.recipe,
        arg_min(
            rivals.recipe,
            (
                -rivals.model_count,
                rivals.recipe
            )
        ) as measured_as
    from resolved
    inner join counted as rivals
        on
            {{ covers('language_model_id') }}
            and (
                resolved.language_model_id is null
                or resolved.min_language_probability
                is not distinct from rivals.min_language_probability
            )
            and {{ covers('image_hash_model_id') }}
            and {{ covers('similarity_model_id_en') }}
            and {{ covers('similarity_model_id_other') }}
            and {{ covers('nsfw_model_id') }}
            and {{ covers('watermark_model_id') }}
            and {{ covers('aesthetic_model_id') }}
            and {{ covers('inappropriate_model_id') }}
            and {{ covers('toxicity_model_id') }}
    group by resolved.recipe

),

recipes_resolved as (

    select
        resolved.*,
        coverings.measured_as
    from resolved
    inner join coverings on resolved.recipe = coverings.recipe

)

select * from recipes_resolved
