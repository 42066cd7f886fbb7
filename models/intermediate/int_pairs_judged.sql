{{ config(materialized='table') }}

with

-- The name as a constant, so that the other recipes are not even computed.
pairs_judged_by_recipe as (

    select * from {{ ref('int_pairs_judged_by_recipe') }}
    where recipe = '{{ recipe() }}'

),

selected_recipe as (

    select * from {{ ref('int_selected_recipe') }}

),

pairs_judged as (

    select pairs_judged_by_recipe.*
    from pairs_judged_by_recipe
    inner join selected_recipe
        on pairs_judged_by_recipe.recipe = selected_recipe.recipe

)

select * from pairs_judged
