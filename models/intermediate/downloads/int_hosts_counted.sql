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
        {{ urls_counted() }}
    from urls
    left join urls_resolved on urls.url_id = urls_resolved.url_id
    group by urls.host

)

select * from hosts_counted
