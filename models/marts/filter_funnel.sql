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

sightings as (

    select
        pairs_landed.crawl_id,
        pairs_judged.split,
        pairs_judged.language,
        pairs_judged.drop_reason,
        sum(pairs_landed.occurrences) as sightings,
        0 as pairs
    from pairs_landed
    inner join pairs_judged on pairs_landed.pair_id = pairs_judged.pair_id
    group by
        pairs_landed.crawl_id,
        pairs_judged.split,
        pairs_judged.language,
        pairs_judged.drop_reason

),

-- A pair counts once, where it landed first; its sightings where they were.
first_landings as (

    select
        pairs_deduplicated.crawl_id,
        pairs_judged.split,
        pairs_judged.language,
        pairs_judged.drop_reason,
        0 as sightings,
        count(*) as pairs
    from pairs_deduplicated
    inner join pairs_judged
        on pairs_deduplicated.pair_id = pairs_judged.pair_id
    group by
        pairs_deduplicated.crawl_id,
        pairs_judged.split,
        pairs_judged.language,
        pairs_judged.drop_reason

),

levels as (

    select * from sightings

    union all

    select * from first_landings

),

filter_funnel as (

    select
        crawl_id,
        split,
        language,
        drop_reason,
        sum(sightings)::bigint as sightings,
        sum(pairs)::bigint as pairs,
        (case when drop_reason is null then sum(pairs) else 0 end)::bigint
            as kept
    from levels
    group by crawl_id, split, language, drop_reason

)

select * from filter_funnel
