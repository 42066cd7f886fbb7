with

-- What no recipe changes is counted once for all.
hosts_counted as (

    select * from {{ ref('int_hosts_counted') }}

),

pairs_kept as (

    select * from {{ ref('int_pairs_kept') }}
    where not is_found_only

),

pairs_deduplicated as (

    select * from {{ ref('int_pairs_deduplicated') }}

),

kept as (

    select
        coalesce(pairs_deduplicated.host, '') as host,
        count(*) as kept
    from pairs_kept
    inner join pairs_deduplicated
        on
            pairs_kept.crawl_id = pairs_deduplicated.crawl_id
            and pairs_kept.pair_id = pairs_deduplicated.pair_id
    group by coalesce(pairs_deduplicated.host, '')

),

domain_stats as (

    select
        hosts_counted.*,
        coalesce(kept.kept, 0) as kept
    from hosts_counted
    left join kept on hosts_counted.host = kept.host

)

select * from domain_stats
