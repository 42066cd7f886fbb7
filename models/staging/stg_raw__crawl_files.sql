with

source as (

    select * from {{ source('raw', 'crawl_files') }}

),

keyed as (

    select
        crawl_id,
        path,
        outcome,
        error,
        records,
        unreadable_records,
        links,
        images,
        pairs,
        sightings,
        bytes,
        seconds,
        started_at,
        cleaning_version,
        attempt_id,
        landed_at
    from source
    {{ first_success('crawl_id, path') }}

)

select * from keyed
