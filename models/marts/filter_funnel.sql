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
landings as (

    select
        pairs_landed.crawl_id,
        pairs_judged.split,
        pairs_judged.language,
        pairs_judged.drop_reason,
        pairs_landed.occurrences,
        pairs_landed.crawl_id = pairs_deduplicated.crawl_id
        and pairs_landed.path = pairs_deduplicated.path as is_first
    from pairs_landed
    inner join pairs_deduplicated
        on pairs_landed.pair_id = pairs_deduplicated.pair_id
    inner join pairs_judged on pairs_landed.pair_id = pairs_judged.pair_id

),

filter_funnel as (

    select
        crawl_id,
        split,
        language,
        drop_reason,
        sum(occurrences)::bigint as sightings,
        count(*) filter (where is_first) as pairs,
        count(*) filter (where is_first and drop_reason is null) as kept
    from landings
    group by crawl_id, split, language, drop_reason

)

select * from filter_funnel
