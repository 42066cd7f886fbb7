-- Each kept pair stands in one of the three splits, and nothing else does.
with

split_pairs as (

    select pair_id from {{ ref('pairs_en') }}

    union all

    select pair_id from {{ ref('pairs_multi') }}

    union all

    select pair_id from {{ ref('pairs_nolang') }}

),

counted as (

    select
        pair_id,
        count(*) as splits
    from split_pairs
    group by pair_id

)

select
    coalesce(pairs_judged.pair_id, counted.pair_id) as pair_id,
    counted.splits
from {{ ref('int_pairs_judged') }} as pairs_judged
full join counted on pairs_judged.pair_id = counted.pair_id
where
    (pairs_judged.drop_reason is null or counted.pair_id is not null)
    and (
        counted.splits is distinct from 1
        or pairs_judged.pair_id is null
        or pairs_judged.drop_reason is not null
    )
