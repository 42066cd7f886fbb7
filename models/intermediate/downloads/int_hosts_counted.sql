{{ config(materialized='table') }}

with

pairs_deduplicated as (

    select * from {{ ref('int_pairs_deduplicated') }}

),

urls_resolved as (

    select * from {{ ref('int_urls_resolved') }}

),

-- By URL first: to count distinct URLs by host takes six times the memory.
urls as (

    select
        url_id,
        coalesce(host, '') as host,
        count(*) as pairs
    from pairs_deduplicated
    group by url_id, coalesce(host, '')

),

hosts_counted as (

    select
        urls.host,
        sum(urls.pairs)::bigint as pairs,
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
        count(*) filter (where urls_resolved.is_rotten) as urls_rotten,
        count(*) filter (where urls_resolved.is_changed) as urls_changed
    from urls
    left join urls_resolved on urls.url_id = urls_resolved.url_id
    group by urls.host

)

select * from hosts_counted
