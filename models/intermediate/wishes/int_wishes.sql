with

image_wishes as (

    select * from {{ ref('int_image_wishes') }}

),

url_wishes as (

    select * from {{ ref('int_url_wishes') }}

),

page_wishes as (

    select * from {{ ref('int_page_wishes') }}

),

wishes as (

    select
        'image' as scope,
        *
    from image_wishes

    union all by name

    select
        'url' as scope,
        *
    from url_wishes

    union all by name

    select
        'page' as scope,
        *
    from page_wishes

)

select * from wishes
