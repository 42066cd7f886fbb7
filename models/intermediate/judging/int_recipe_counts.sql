{{
    config(
        materialized='table',
        sums_by='recipe',
        counted_together=['pair_id', 'url_id', 'image_id'],
        changed_by={
            'intermediate.int_pairs_measured': 'pair_id',
            'intermediate.int_recipes_judging': 'recipe',
        },
    )
}}

with

pairs_measured as (

    select * from {{ ref('int_pairs_measured') }}

),

recipes_applied as (

    select * from {{ ref('int_recipes_judging') }}

),

{{ rules() }},

-- What decides between the pairs of a group, as one number: what is kept for
-- each of a hundred million groups must be of a fixed size to go to the disk.
-- The likest first, in 40 bits; of one picture all are as large. Then 52 bits
-- of when it landed, 34 of its key, and the split in the last two. Numbers are
-- dear, and most pairs are in no group.
ranked as (

    select
        *,
        case
            when is_passing and duplicates != 'none' then
                (
                    ((1 - coalesce(similarity, -2)::double) * (1::bigint << 38))
                    ::uhugeint << 88
                )
                | (epoch_us(crawl_landed_at)::uhugeint << 36)
                | ((
                    ('0x' || replace(pair_id::varchar, '-', '')[:9])::ubigint
                    >> 2
                )::uhugeint << 2)
                | (case split
                    when 'en' then 0 when 'multi' then 1 when 'nolang' then 2
                    else 3
                end)::uhugeint
        end as rank
    from explained

),

-- One pass over all: what is in no group goes under no key.
grouped as (

    select
        recipe,
        case
            when rank is null then null
            when duplicates = 'url' then url_id
            else image_id
        end as duplicate_key,
        count(*) as pairs,
        count(*) filter (where is_undecided) as undecided,
        count(*) filter (where is_passing and split = 'en') as en,
        count(*) filter (where is_passing and split = 'multi') as multi,
        count(*) filter (where is_passing and split = 'nolang') as nolang,
        min(rank) as keeper
    from ranked
    group by recipe, duplicate_key

),

-- Of a group one is kept: the split of that one counts.
recipe_counts as (

    select
        recipe,
        sum(pairs)::bigint as pairs,
        sum(undecided)::bigint as undecided,
        sum(case
            when keeper is null then en else (keeper & 3 = 0)::integer
        end)::bigint as kept_en,
        sum(case
            when keeper is null then multi
            else (keeper & 3 = 1)::integer
        end)::bigint as kept_multi,
        sum(case
            when keeper is null then nolang
            else (keeper & 3 = 2)::integer
        end)::bigint as kept_nolang
    from grouped
    group by recipe

)

select * from recipe_counts
