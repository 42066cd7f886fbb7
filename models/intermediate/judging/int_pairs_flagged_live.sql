with

pairs_measured as (

    select * from {{ ref('int_pairs_measured_live') }}

),

recipes_applied as (

    select * replace (recipe as measured_as)
    from {{ ref('int_recipes_applied') }}
    where recipe = '{{ recipe() }}'

),

{{ rules() }}

select * from explained
