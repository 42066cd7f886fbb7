with

pairs_landed as (

    select * from {{ ref('int_pairs_landed') }}

),

pairs_deduplicated as (

    select * from {{ ref('int_pairs_deduplicated') }}

),

pairs_judged as (

    select * from {{ ref('int_pairs_judged') }}

),

-- A pair counts once, where it landed first; its sightings where they were.
levels as (

    select
        pair_id,
        crawl_id,
        occurrences as sightings,
        0 as pairs
    from pairs_landed

    union all

    select
        pair_id,
        crawl_id,
        0 as sightings,
        1 as pairs
    from pairs_deduplicated

),

filter_funnel as (

    select
        levels.crawl_id,
        pairs_judged.split,
        pairs_judged.language,
        pairs_judged.drop_reason,
        sum(levels.sightings)::bigint as sightings,
        sum(levels.pairs)::bigint as pairs,
        (case
            when pairs_judged.drop_reason is null then sum(levels.pairs) else 0
        end)::bigint as kept
    from levels
    inner join pairs_judged on levels.pair_id = pairs_judged.pair_id
    group by
        levels.crawl_id,
        pairs_judged.split,
        pairs_judged.language,
        pairs_judged.drop_reason

)

select * from filter_funnel
