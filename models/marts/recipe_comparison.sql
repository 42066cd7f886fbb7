with

pairs_judged as (

    select * from {{ ref('int_pairs_judged_by_recipe') }}

),

recipes as (

    select * from {{ ref('recipes') }}

),

counted as (

    select
        recipe,
        count(*) as pairs,
        count(*) filter (where drop_reason is null) as kept,
        count(*) filter (
            where drop_reason in (
                'not_downloaded', 'language_missing', 'similarity_missing'
            )
        ) as undecided,
        count(*) filter (
            where drop_reason is null and split = 'en'
        ) as kept_en,
        count(*) filter (
            where drop_reason is null and split = 'multi'
        ) as kept_multi,
        count(*) filter (
            where drop_reason is null and split = 'nolang'
        ) as kept_nolang
    from pairs_judged
    group by recipe

),

recipe_comparison as (

    select
        recipes.recipe,
        recipes.recipe = '{{ recipe() }}' as is_selected,
        coalesce(counted.pairs, 0) as pairs,
        coalesce(counted.pairs - counted.kept - counted.undecided, 0)
            as dropped,
        coalesce(counted.undecided, 0) as undecided,
        coalesce(counted.kept, 0) as kept,
        coalesce(counted.kept_en, 0) as kept_en,
        coalesce(counted.kept_multi, 0) as kept_multi,
        coalesce(counted.kept_nolang, 0) as kept_nolang
    from recipes
    left join counted on recipes.recipe = counted.recipe

)

select * from recipe_comparison
