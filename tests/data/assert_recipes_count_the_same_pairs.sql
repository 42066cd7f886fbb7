-- All recipes judge the same pairs; the selected one keeps what is published,
-- and leaves undecided what has no verdict yet.
with

totals as (

    select
        (select count(*) from {{ ref('int_pairs_deduplicated') }}) as pairs,
        (select count(*) from {{ ref('pairs') }}) as kept,
        (
            select count(*) from {{ ref('int_pairs_judged') }}
            where is_undecided
        ) as undecided

)

select recipe_comparison.recipe
from {{ ref('recipe_comparison') }} as recipe_comparison
cross join totals
where
    recipe_comparison.pairs != totals.pairs
    or recipe_comparison.pairs
    != recipe_comparison.dropped
    + recipe_comparison.undecided
    + recipe_comparison.kept
    or recipe_comparison.kept
    != recipe_comparison.kept_en
    + recipe_comparison.kept_multi
    + recipe_comparison.kept_nolang
    or (recipe_comparison.is_selected and recipe_comparison.kept != totals.kept)
    or (
        recipe_comparison.is_selected
        and recipe_comparison.undecided != totals.undecided
    )
