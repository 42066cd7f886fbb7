{{ config(materialized='table', compared_by='recipe') }}

with

recipes_judging as (

    select * from {{ ref('int_recipes_applied') }}

)

select * from recipes_judging
