with

image_rights as (

    select * from {{ ref('stg_raw__image_rights') }}
    where carrier != 'c2pa_ingredient'

),

image_credits as (

    select
        image_id,
        string_agg(distinct value, '; ' order by value) filter (
            where property in ('dc:creator', 'By-line', 'Artist', 'Author')
        ) as creator,
        string_agg(distinct value, '; ' order by value) filter (
            where property in ('photoshop:Credit', 'Credit')
        ) as credit,
        string_agg(distinct value, '; ' order by value) filter (
            where property in ('dc:rights', 'Copyright Notice', 'Copyright')
        ) as copyright
    from image_rights
    group by image_id

)

select * from image_credits
