{{ config(materialized='table') }}

with

pairs_measured as (

    select * from {{ ref('int_pairs_measured') }}

),

recipes_applied as (

    select * from {{ ref('int_recipes_applied') }}

),

{{ rules() }},

-- One pass over all: what is in no group goes under no key.
grouped as (

    select
        recipe,
        case
            when not is_passing or duplicates = 'none' then null
            when duplicates = 'url' then url_id
            else image_id
        end as duplicate_key,
        count(*) as pairs,
        count(*) filter (where is_undecided) as undecided,
        count(*) filter (where is_passing and split = 'en') as en,
        count(*) filter (where is_passing and split = 'multi') as multi,
        count(*) filter (where is_passing and split = 'nolang') as nolang,
        min({
            'pixels': -width::bigint * height,
            'similarity': -coalesce(similarity, '-infinity'::float),
            'crawl_landed_at': crawl_landed_at,
            'pair_id': pair_id,
            'split': split
        }) filter (
            where is_passing and duplicates != 'none'
        ) as keeper
    from explained
    group by recipe, duplicate_key

),

-- Of a group one is kept: the split of that one counts.
recipe_counts as (

    select
        recipe,
        sum(pairs)::bigint as pairs,
        sum(undecided)::bigint as undecided,
        sum(case
            when keeper is null then en else (keeper['split'] = 'en')::integer
        end)::bigint as kept_en,
        sum(case
            when keeper is null then multi
            else (keeper['split'] = 'multi')::integer
        end)::bigint as kept_multi,
        sum(case
            when keeper is null then nolang
            else (keeper['split'] = 'nolang')::integer
        end)::bigint as kept_nolang
    from grouped
    group by recipe

)

select * from recipe_counts
