with

source as (

    select * from {{ source('raw', 'site_rules') }}

),

-- What a site said last in a crawl counts there.
keyed as (

    select
        origin,
        host,
        crawl_id,
        refuses_us,
        refused_agents,
        named_agents,
        wishes,
        evidence,
        heard_at,
        attempt_id,
        landed_at
    from source
    qualify row_number() over (
        partition by origin, crawl_id
        order by heard_at desc, landed_at desc, path desc, record_offset desc
    ) = 1

)

select * from keyed
