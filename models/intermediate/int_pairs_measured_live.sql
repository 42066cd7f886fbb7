with

measuring as (

    select * from {{ ref('int_recipes_resolved') }}
    where recipe = '{{ recipe() }}'

),

{{ measured() }}

select * from measured
