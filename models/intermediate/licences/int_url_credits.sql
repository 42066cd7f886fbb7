with

image_licenses as (

    select * from {{ ref('stg_raw__image_licenses') }}

),

pages_taken_down as (

    select * from {{ ref('int_takedowns_in_force') }}
    where kind = 'page'

),

images_said as (

    select image_licenses.*
    from image_licenses
    anti join pages_taken_down
        on image_licenses.page_id = pages_taken_down.value_id

),

url_credits as (

    select
        url_id,
        string_agg(distinct creator, '; ' order by creator) as creator,
        string_agg(distinct credit, '; ' order by credit) as credit,
        string_agg(distinct copyright, '; ' order by copyright) as copyright
    from images_said
    group by url_id

)

select * from url_credits
