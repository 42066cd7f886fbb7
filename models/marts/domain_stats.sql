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

domain_stats as (

    select
        coalesce(pairs_deduplicated.host, '') as host,
        count(*) as pairs,
        count(distinct pairs_judged.url_id) as urls,
        count(distinct pairs_judged.url_id) filter (
            where urls_resolved.image_id is not null
        ) as urls_downloaded,
        count(distinct pairs_judged.url_id) filter (
            where urls_resolved.image_id is null
            and urls_resolved.url_id is not null
        ) as urls_failed,
        count(distinct pairs_judged.url_id) filter (
            where urls_resolved.outcome_kind = 'opt_out'
        ) as urls_opted_out,
        count(distinct pairs_judged.url_id) filter (
            where urls_resolved.is_rotten
        ) as urls_rotten,
        count(distinct pairs_judged.url_id) filter (
            where urls_resolved.is_changed
        ) as urls_changed,
        count(*) filter (where pairs_judged.drop_reason is null) as kept
    from pairs_judged
    inner join pairs_deduplicated
        on pairs_judged.pair_id = pairs_deduplicated.pair_id
    left join urls_resolved on pairs_judged.url_id = urls_resolved.url_id
    group by coalesce(pairs_deduplicated.host, '')

)

select * from domain_stats
