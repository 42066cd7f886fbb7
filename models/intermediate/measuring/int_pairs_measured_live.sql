with

measuring as (

    select
        *,
        recipe as read_as
    from {{ ref('int_recipes_resolved') }}
    where recipe = '{{ recipe() }}'

),

{{ described('int_urls_resolved_live', 'int_images_live') }},

{{ read() }},

{{ measured() }}

select * from measured
