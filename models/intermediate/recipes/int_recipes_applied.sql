with

recipes_resolved as (

    select * from {{ ref('int_recipes_resolved') }}

),

similarity_cutoffs as (

    select * from {{ ref('int_similarity_cutoffs') }}

),

recipes_applied as (

    select
        recipes_resolved.* exclude (
            min_similarity_en,
            min_similarity_other,
            licences,
            languages,
            image_formats
        ),
        string_split(recipes_resolved.licences, ' ') as licences,
        string_split(recipes_resolved.languages, ' ') as languages,
        string_split(recipes_resolved.image_formats, ' ') as image_formats,
        coalesce(
            recipes_resolved.min_similarity_en,
            similarity_cutoffs.min_similarity
        ) as min_similarity_en,
        coalesce(
            recipes_resolved.min_similarity_other,
            similarity_cutoffs.min_similarity
        ) as min_similarity_other,
        recipes_resolved.min_similarity_en is not null
        or recipes_resolved.top_similarity_fraction is not null
            as wants_similarity_en,
        recipes_resolved.min_similarity_other is not null
        or recipes_resolved.top_similarity_fraction is not null
            as wants_similarity_other
    from recipes_resolved
    left join similarity_cutoffs
        on recipes_resolved.recipe = similarity_cutoffs.recipe

)

select * from recipes_applied
