with

recipes as (

    select * from {{ ref('int_recipes') }}

),

known as (

    select
        string_agg(recipe, ', ' order by recipe) as known_recipes,
        count(*) filter (where recipe = '{{ recipe() }}') as selected
    from recipes

),

-- An unknown name must end the build, not publish an empty dataset.
selected_recipe as (

    select
        case
            when selected = 1 then '{{ recipe() }}'
            else error(
                'There is no recipe ''{{ recipe() }}'' in'
                || ' models/seeds/recipes.csv; choose one of '
                || known_recipes || ', or add it.'
            )
        end as recipe
    from known

)

select * from selected_recipe
