with

crawl_files as (

    select * from {{ ref('stg_raw__crawl_files') }}

),

-- The files of a crawl land in any order, and the order of pairs is not to hang
-- on it: a crawl's is when its first file landed, then go the paths.
crawl_files_landed as (

    select
        crawl_id,
        path,
        is_list,
        attempt_id,
        landed_at,
        min(landed_at) over (partition by crawl_id) as crawl_landed_at
    from crawl_files

)

select * from crawl_files_landed
