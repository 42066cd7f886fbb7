with

pairs_judged as (

    select * from {{ ref('int_pairs_judged') }}

),

pairs_deduplicated as (

    select * from {{ ref('int_pairs_deduplicated') }}

),

urls_resolved as (

    select * from {{ ref('int_urls_resolved') }}

),

-- By URL first: to count distinct URLs by host takes six times the memory.
urls as (

    select
        pairs_judged.url_id,
        coalesce(pairs_deduplicated.host, '') as host,
        count(*) as pairs,
        count(*) filter (where pairs_judged.drop_reason is null) as kept
    from pairs_judged
    inner join pairs_deduplicated
        on pairs_judged.pair_id = pairs_deduplicated.pair_id
    group by pairs_judged.url_id, coalesce(pairs_deduplicated.host, '')

),

domain_stats as (

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
        count(*) filter (where urls_resolved.is_changed) as urls_changed,
        sum(urls.kept)::bigint as kept
    from urls
    left join urls_resolved on urls.url_id = urls_resolved.url_id
    group by urls.host

)

select * from domain_stats
