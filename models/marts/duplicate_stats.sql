with

pairs_judged as (

    select * from {{ ref('int_pairs_judged') }}

),

duplicate_pairs as (

    select * from {{ ref('int_duplicate_pairs') }}

),

recipes_applied as (

    select * from {{ ref('int_recipes_applied') }}

),

selected_recipe as (

    select * from {{ ref('int_selected_recipe') }}

),

kinds as (

    select
        unnest(['url', 'image', 'near', 'copy']) as kind,
        unnest([
            recipes_applied.duplicates in ('url', 'image', 'near'),
            recipes_applied.duplicates in ('image', 'near'),
            recipes_applied.duplicates = 'near',
            recipes_applied.duplicates = 'near'
        ]) as is_looked_for
    from recipes_applied
    inner join selected_recipe
        on recipes_applied.recipe = selected_recipe.recipe

),

passing as (

    select count(*) as pairs
    from pairs_judged
    where drop_reason is null

),

duplicates as (

    select
        case
            when pairs_judged.url_id = keepers.url_id then 'url'
            when pairs_judged.image_id = keepers.image_id then 'image'
            else 'near'
        end as kind,
        duplicate_pairs.keeper_id
    from duplicate_pairs
    inner join pairs_judged
        on duplicate_pairs.pair_id = pairs_judged.pair_id
    inner join pairs_judged as keepers
        on duplicate_pairs.keeper_id = keepers.pair_id
    -- What would be found only is a duplicate, and out for its use.
    where starts_with(pairs_judged.drop_reason, 'duplicate_')

),

by_kind as (

    select
        kind,
        keeper_id
    from duplicates

    union all

    select
        'copy' as kind,
        keeper_id
    from duplicates
    where kind != 'url'

),

by_keeper as (

    select
        kind,
        keeper_id,
        count(*) as pairs
    from by_kind
    group by kind, keeper_id

),

counted as (

    select
        kind,
        sum(pairs) as pairs,
        count(*) as keepers,
        max(pairs) as most_of_one_keeper
    from by_keeper
    group by kind

),

totals as (

    select
        passing.pairs + count(duplicates.kind) as pairs,
        passing.pairs
        + count(duplicates.kind) filter (
            where duplicates.kind != 'url'
        ) as pairs_of_distinct_urls
    from passing
    left join duplicates on true
    group by passing.pairs

),

duplicate_stats as (

    select
        kinds.kind,
        case
            when kinds.is_looked_for then coalesce(counted.pairs, 0)
        end::bigint as pairs,
        case
            when kinds.is_looked_for then coalesce(counted.keepers, 0)
        end::bigint as keepers,
        case
            when kinds.is_looked_for
                then coalesce(counted.most_of_one_keeper, 0)
        end::bigint as most_of_one_keeper,
        case
            when kinds.is_looked_for
                then
                    coalesce(counted.pairs, 0) / case kinds.kind
                        when 'copy'
                            then nullif(totals.pairs_of_distinct_urls, 0)
                        else nullif(totals.pairs, 0)
                    end
        end as duplicate_share,
        -- https://arxiv.org/abs/2303.12733: 700 million.
        case kinds.kind when 'copy' then 0.3::double end as laion_2b_share
    from kinds
    cross join totals
    left join counted on kinds.kind = counted.kind

)

select * from duplicate_stats
