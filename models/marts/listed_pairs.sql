with

pairs_landed as (

    select * from {{ ref('int_pairs_landed') }}

),

list_scores as (

    select * from {{ ref('int_list_scores_pivoted') }}

),

pairs_deduplicated as (

    select * from {{ ref('int_pairs_deduplicated') }}

),

pairs_judged as (

    select * from {{ ref('int_pairs_judged') }}
    where not is_taken_down

),

-- Of files that an older version read, those that gave what only lists give.
-- Several files of a list may hold a pair.
listings as (

    select
        pairs_landed.pair_id,
        pairs_landed.crawl_id,
        arg_min(
            pairs_landed.source_id,
            (pairs_landed.crawl_landed_at, pairs_landed.path)
        ) as source_id
    from pairs_landed
    left join list_scores
        on
            pairs_landed.pair_id = list_scores.pair_id
            and pairs_landed.crawl_id = list_scores.source
    where
        coalesce(
            pairs_landed.is_list,
            pairs_landed.source_id is not null
            or list_scores.pair_id is not null
        )
    group by pairs_landed.pair_id, pairs_landed.crawl_id

),

listed_pairs as (

    select
        listings.pair_id,
        listings.crawl_id,
        listings.source_id,
        pairs_deduplicated.image_url,
        pairs_deduplicated.caption,
        list_scores.similarity,
        list_scores.punsafe,
        list_scores.pwatermark,
        list_scores.aesthetic_score,
        list_scores.width,
        list_scores.height,
        pairs_judged.language,
        pairs_judged.split,
        pairs_judged.drop_reason,
        pairs_judged.is_refused
    from listings
    inner join pairs_deduplicated
        on listings.pair_id = pairs_deduplicated.pair_id
    inner join pairs_judged on listings.pair_id = pairs_judged.pair_id
    left join list_scores
        on
            listings.pair_id = list_scores.pair_id
            and listings.crawl_id = list_scores.source

)

select * from listed_pairs
