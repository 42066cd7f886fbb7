-- A pair of a list is listed, or was asked to be forgotten.
with

of_lists as (

    select
        pair_id,
        crawl_id
    from {{ ref('int_pairs_landed') }}
    where is_list

    union all

    select
        pairs_landed.pair_id,
        pairs_landed.crawl_id
    from {{ ref('int_pairs_landed') }} as pairs_landed
    semi join {{ ref('int_list_scores_pivoted') }} as list_scores
        on
            pairs_landed.pair_id = list_scores.pair_id
            and pairs_landed.crawl_id = list_scores.source

),

taken_down as (

    select pair_id from {{ ref('int_pairs_judged') }}
    where drop_reason = 'takedown'

),

missing as (

    select of_lists.*
    from of_lists
    anti join taken_down on of_lists.pair_id = taken_down.pair_id
    anti join {{ ref('listed_pairs') }} as listed_pairs
        on
            of_lists.pair_id = listed_pairs.pair_id
            and of_lists.crawl_id = listed_pairs.crawl_id

),

showing as (

    select
        listed_pairs.pair_id,
        listed_pairs.crawl_id
    from {{ ref('listed_pairs') }} as listed_pairs
    semi join taken_down on listed_pairs.pair_id = taken_down.pair_id

)

select * from missing

union all

select * from showing
