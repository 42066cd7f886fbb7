with

wishes as (

    select * from {{ ref('int_wishes') }}
    where scope = 'image'

),

-- Whoever refuses wins, and one that refuses is enough to say why.
by_use as (

    select
        image_id,
        use,
        min(signal) filter (where says = 'disallow') as refusing,
        bool_or(says = 'allow') as is_allowed
    from wishes
    group by image_id, use

),

images_wished as (

    select
        image_id,
        map_from_entries(
            list((use, refusing) order by use) filter (
                where refusing is not null
            )
        ) as refused_uses,
        list(use order by use) filter (
            where refusing is null and is_allowed
        ) as allowed_uses
    from by_use
    group by image_id

)

select * from images_wished
