with

measuring as (

    select
        *,
        recipe as read_as
    from {{ ref('int_recipes_resolved') }}
    where recipe = '{{ recipe() }}'

),

{{ described('int_urls_resolved_live', 'stg_raw__images') }},

{{ read() }},

{{ measured() }}

select * from measured
