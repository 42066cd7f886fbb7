with

recipe_counts_by_key as (

    select * from {{ ref('int_recipe_counts_by_key') }}

),

recipe_counts as (

    select
        recipe,
        sum(pairs)::bigint as pairs,
        sum(undecided)::bigint as undecided,
        sum(kept_en)::bigint as kept_en,
        sum(kept_multi)::bigint as kept_multi,
        sum(kept_nolang)::bigint as kept_nolang
    from recipe_counts_by_key
    group by recipe

)

select * from recipe_counts
