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
        {{ urls_counted() }}
    from urls_by_crawl
    left join urls_resolved on urls_by_crawl.url_id = urls_resolved.url_id
    group by urls_by_crawl.crawl_id

)

select * from crawl_stats
