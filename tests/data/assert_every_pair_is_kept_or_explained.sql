-- Every pair has one verdict, the verdict is the first of its reasons, and what
-- is kept is decided.
select
    coalesce(pairs_deduplicated.pair_id, pairs_judged.pair_id) as pair_id,
    pairs_judged.drop_reason,
    pairs_judged.drop_reasons,
    pairs_judged.is_undecided
from {{ ref('int_pairs_deduplicated') }} as pairs_deduplicated
full join {{ ref('int_pairs_judged') }} as pairs_judged
    on pairs_deduplicated.pair_id = pairs_judged.pair_id
where
    pairs_deduplicated.pair_id is null
    or pairs_judged.pair_id is null
    or pairs_judged.drop_reasons is null
    or pairs_judged.drop_reason is distinct from pairs_judged.drop_reasons[1]
    or pairs_judged.is_undecided is null
    or (pairs_judged.is_undecided and pairs_judged.drop_reason is null)
