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
        other_records,
        links,
        images,
        pairs,
        sightings,
        bytes,
        seconds,
        started_at,
        cleaning_version,
        is_list,
        attempt_id,
        landed_at
    from source
    -- A file that was cut off counts by the attempt that brought the most.
    qualify row_number() over (
        partition by crawl_id, path
        order by
            outcome = 'ok' desc,
            sightings desc nulls last,
            landed_at asc,
            attempt_id asc
    ) = 1

)

select * from keyed
