with

recipes_resolved as (

    select * from {{ ref('int_recipes_resolved') }}

),

recipes_measuring as (

    select * from recipes_resolved
    where
        recipe in (
            select covered.measured_as from recipes_resolved as covered
        )

)

select * from recipes_measuring
