-- Each level of the funnel, by crawl, against where its number comes from.
with

funnel as (

    select
        crawl_id,
        sum(sightings) as sightings,
        sum(pairs) as pairs,
        sum(kept) as kept
    from {{ ref('filter_funnel') }}
    group by crawl_id

),

crawl_files as (

    select
        crawl_id,
        sum(sightings) as sightings
    from {{ ref('stg_raw__crawl_files') }}
    group by crawl_id
    having sum(sightings) > 0

),

first_landings as (

    select
        pair_id,
        arg_min(
            crawl_id,
            (is_outside_alt, is_outside_src, crawl_landed_at, crawl_id, path)
        ) as crawl_id
    from {{ ref('int_pairs_landed') }}
    group by pair_id

),

distinct_pairs as (

    select
        crawl_id,
        count(*) as pairs
    from first_landings
    group by crawl_id

),

kept_pairs as (

    select
        crawl_id,
        count(*) as kept
    from {{ ref('pairs') }}
    group by crawl_id

)

select
    coalesce(funnel.crawl_id, crawl_files.crawl_id) as crawl_id,
    funnel.sightings,
    crawl_files.sightings as sightings_landed,
    funnel.pairs,
    distinct_pairs.pairs as pairs_landed,
    funnel.kept,
    kept_pairs.kept as pairs_kept
from funnel
full join crawl_files on funnel.crawl_id = crawl_files.crawl_id
full join distinct_pairs on funnel.crawl_id = distinct_pairs.crawl_id
full join kept_pairs on funnel.crawl_id = kept_pairs.crawl_id
where
    funnel.sightings is distinct from crawl_files.sightings
    or coalesce(funnel.pairs, 0) != coalesce(distinct_pairs.pairs, 0)
    or coalesce(funnel.kept, 0) != coalesce(kept_pairs.kept, 0)
