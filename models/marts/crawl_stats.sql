with

pairs_landed as (

    select * from {{ ref('int_pairs_landed') }}

),

urls_resolved as (

    select * from {{ ref('int_urls_resolved') }}

),

urls_by_crawl as (

    select distinct
        crawl_id,
        url_id
    from pairs_landed

),

crawl_stats as (

    select
        urls_by_crawl.crawl_id,
        count(*) as urls,
        count(*) filter (
            where urls_resolved.image_id is not null
        ) as urls_downloaded,
        count(*) filter (
            where urls_resolved.image_id is null
            and urls_resolved.url_id is not null
        ) as urls_failed,
        count(*) filter (
            where urls_resolved.outcome_kind = 'opt_out'
        ) as urls_opted_out,
        count(*) filter (
            where urls_resolved.is_rotten
        ) as urls_rotten,
        count(*) filter (where urls_resolved.is_changed) as urls_changed
    from urls_by_crawl
    left join urls_resolved on urls_by_crawl.url_id = urls_resolved.url_id
    group by urls_by_crawl.crawl_id

)

select * from crawl_stats
