{{ config(materialized='table') }}

with

recipes_resolved as (

    select * from {{ ref('int_recipes_resolved') }}

),

measuring as (

    select * from recipes_resolved
    where
        recipe in (
            select covered.measured_as from recipes_resolved as covered
        )

),

{{ measured() }}

-- What is long stays where it is, so that to judge again reads little.
select * exclude (image_url, caption) from measured
