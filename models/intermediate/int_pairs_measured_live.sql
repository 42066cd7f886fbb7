with

measuring as (

    select * from {{ ref('int_recipes_resolved') }}
    where recipe = '{{ recipe() }}'

),

{{ described('int_urls_resolved_live') }},

{{ read() }},

{{ measured() }}

select * from measured
