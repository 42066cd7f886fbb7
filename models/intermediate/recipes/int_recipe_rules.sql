with recursive

recipes as (

    select
        recipe,
        "like" as taken_over,
        rule,
        value
    from {{ ref('recipes') }}

),

likes as (

    select
        recipe,
        min(taken_over) as taken_over
    from recipes
    where taken_over is not null
    group by recipe

),

-- Each recipe with itself and what it takes over; a circle is gone round once.
ancestors as (

    select distinct
        recipe,
        recipe as ancestor,
        [recipe] as way
    from recipes

    union all

    select
        ancestors.recipe,
        likes.taken_over as ancestor,
        list_append(ancestors.way, likes.taken_over) as way
    from ancestors
    inner join likes on ancestors.ancestor = likes.recipe
    where not list_contains(ancestors.way, likes.taken_over)

),

recipe_rules as (

    select
        ancestors.recipe,
        recipes.rule,
        recipes.value,
        ancestors.ancestor as said_by
    from ancestors
    inner join recipes on ancestors.ancestor = recipes.recipe
    where
        recipes.rule is not null
        and (recipes.rule != 'source' or ancestors.ancestor = ancestors.recipe)
    qualify
        row_number() over (
            partition by ancestors.recipe, recipes.rule
            order by length(ancestors.way)
        ) = 1

)

select * from recipe_rules
