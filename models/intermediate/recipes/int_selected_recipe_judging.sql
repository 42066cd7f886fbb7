{{ config(materialized='table', compared_by='recipe') }}

with

recipes_applied as (

    select * from {{ ref('int_recipes_applied') }}

),

selected_recipe as (

    select * from {{ ref('int_selected_recipe') }}

),

selected_recipe_judging as (

    select recipes_applied.*
    from recipes_applied
    inner join selected_recipe
        on recipes_applied.recipe = selected_recipe.recipe

)

select * from selected_recipe_judging
