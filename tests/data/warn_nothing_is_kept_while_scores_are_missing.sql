-- No pair is kept while some have no verdict yet: `pairlake fetch` and
-- `pairlake enrich` make what the recipe wants, and the next build takes it in.
{{ config(severity = 'warn') }}

select recipe
from {{ ref('recipe_comparison') }}
where
    is_selected
    and kept = 0
    and undecided > 0
