with

licence_links as (

    select * from {{ ref('int_licence_links') }}

),

first_pages as (

    select * from {{ ref('int_pairs_first_pages') }}

),

pages as (

    select * from {{ ref('stg_raw__pages') }}
    where license_url is not null

),

pages_taken_down as (

    select * from {{ ref('int_takedowns_in_force') }}
    where kind = 'page'

),

-- What all pages link to anywhere, and what the first page that shows a pair
-- says of itself.
heard as (

    select distinct
        pair_id,
        page_id,
        'link: ' || license_url as evidence,
        null::timestamp as heard_at,
        license_url as value
    from licence_links

    union all

    select
        first_pages.pair_id,
        first_pages.page_id,
        'rel=license: ' || pages.license_url as evidence,
        pages.heard_at,
        pages.license_url as value
    from first_pages
    inner join pages on first_pages.page_id = pages.page_id

),

said as (

    select heard.*
    from heard
    anti join pages_taken_down on heard.page_id = pages_taken_down.value_id

),

{{ named_licences() }}

select * exclude (value) from licences
