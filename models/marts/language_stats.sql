with

-- What no verdict changes is counted once for all.
languages_counted as (

    select * from {{ ref('int_languages_counted') }}

),

recipes_measuring as (

    select * from {{ ref('int_recipes_measuring') }}

),

selected_recipe as (

    select * from {{ ref('int_selected_recipe_judging') }}
    where language_model_id is not null

),

pairs_judged as (

    select * from {{ ref('int_pairs_judged') }}

),

kept as (

    select
        coalesce(language, 'none') as language,
        count(*) as kept
    from pairs_judged
    where drop_reason is null and split is not null
    group by coalesce(language, 'none')

),

counted as (

    select
        languages_counted.* exclude (read_as),  -- noqa: RF02
        coalesce(kept.kept, 0) as kept
    from languages_counted
    inner join recipes_measuring
        on languages_counted.read_as = recipes_measuring.read_as
    inner join selected_recipe
        on recipes_measuring.recipe = selected_recipe.measured_as
    left join kept on languages_counted.language = kept.language

),

language_stats as (

    select
        *,
        kept / nullif(sum(kept) over (partition by split), 0)
            as kept_share_of_split
    from counted

)

select * from language_stats
