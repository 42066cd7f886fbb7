{{ config(materialized='table', compared_by='recipe') }}

with

recipes_resolved as (

    select * from {{ ref('int_recipes_resolved') }}

),

recipes_measuring as (

    select
        *,
        -- Those that read captions and hash pictures by the same models.
        min(recipe) over (
            partition by
                language_model_id,
                min_language_probability,
                coalesce(page_language, false),
                image_hash_model_id
        ) as read_as
    from recipes_resolved
    where
        recipe in (
            select covered.measured_as from recipes_resolved as covered
        )

)

select * from recipes_measuring
