with

source as (

    select * from {{ source('raw', 'image_licenses') }}

),

-- What a page says holds until it is crawled again and says something else.
latest as (

    select
        page_id,
        url_id,
        license_url,
        creator,
        credit,
        copyright,
        heard_at,
        attempt_id,
        landed_at
    from source
    qualify row_number() over (
        partition by page_id, url_id
        order by heard_at desc, landed_at desc, crawl_id desc, path desc
    ) = 1

)

select * from latest
