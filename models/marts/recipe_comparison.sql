with

recipes_applied as (

    select * from {{ ref('int_recipes_applied') }}

),

recipe_counts as (

    select * from {{ ref('int_recipe_counts') }}

),

-- Which pictures look the same is found for the selected recipe only.
pairs_judged as (

    select
        recipe,
        count(*) filter (where split = 'en') as kept_en,
        count(*) filter (where split = 'multi') as kept_multi,
        count(*) filter (where split = 'nolang') as kept_nolang
    from {{ ref('int_pairs_judged') }}
    where drop_reason is null
    group by recipe

),

counted as (

    select
        recipe_counts.recipe,
        recipe_counts.pairs,
        recipe_counts.undecided,
        coalesce(pairs_judged.kept_en, recipe_counts.kept_en) as kept_en,
        coalesce(pairs_judged.kept_multi, recipe_counts.kept_multi)
            as kept_multi,
        coalesce(pairs_judged.kept_nolang, recipe_counts.kept_nolang)
            as kept_nolang
    from recipe_counts
    left join pairs_judged on recipe_counts.recipe = pairs_judged.recipe

),

recipe_comparison as (

    select
        recipes_applied.recipe,
        recipes_applied.recipe = '{{ recipe() }}' as is_selected,
        coalesce(counted.pairs, 0) as pairs,
        coalesce(
            counted.pairs
            - counted.undecided
            - counted.kept_en
            - counted.kept_multi
            - counted.kept_nolang,
            0
        ) as dropped,
        coalesce(counted.undecided, 0) as undecided,
        coalesce(
            counted.kept_en + counted.kept_multi + counted.kept_nolang, 0
        ) as kept,
        coalesce(counted.kept_en, 0) as kept_en,
        coalesce(counted.kept_multi, 0) as kept_multi,
        coalesce(counted.kept_nolang, 0) as kept_nolang,
        recipes_applied.min_similarity_en,
        recipes_applied.min_similarity_other
    from recipes_applied
    left join counted on recipes_applied.recipe = counted.recipe

)

select * from recipe_comparison
