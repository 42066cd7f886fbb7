with

pairs_judged as (

    select * from {{ ref('int_pairs_judged') }}

),

duplicate_pairs as (

    select * from {{ ref('int_duplicate_pairs') }}

),

kinds as (

    select unnest(['url', 'image', 'near', 'any']) as kind

),

passing as (

    select count(*) as pairs
    from pairs_judged
    where drop_reason is null

),

-- A recipe that keeps one pair of an image counts those of one URL among them.
duplicates as (

    select
        case
            when pairs_judged.url_id = keepers.url_id then 'url'
            else duplicate_pairs.kind
        end as kind,
        duplicate_pairs.keeper_id
    from duplicate_pairs
    inner join pairs_judged
        on duplicate_pairs.pair_id = pairs_judged.pair_id
    inner join pairs_judged as keepers
        on duplicate_pairs.keeper_id = keepers.pair_id

),

groups as (

    select
        coalesce(kind, 'any') as kind,
        keeper_id,
        count(*) as pairs
    from duplicates
    group by grouping sets ((kind, keeper_id), (keeper_id))

),

counted as (

    select
        kind,
        sum(pairs) as pairs,
        count(*) as keepers,
        max(pairs) as most_of_one_keeper
    from groups
    group by kind

),

totals as (

    select passing.pairs + coalesce(any_kind.pairs, 0) as pairs
    from passing
    left join counted as any_kind on any_kind.kind = 'any'

),

duplicate_stats as (

    select
        kinds.kind,
        coalesce(counted.pairs, 0)::bigint as pairs,
        coalesce(counted.keepers, 0)::bigint as keepers,
        coalesce(counted.most_of_one_keeper, 0)::bigint as most_of_one_keeper,
        coalesce(counted.pairs, 0) / nullif(totals.pairs, 0) as duplicate_share,
        -- https://arxiv.org/abs/2303.12733, of 2.3 billion images.
        case kinds.kind when 'any' then 0.3::double end as laion_2b_share
    from kinds
    cross join totals
    left join counted on kinds.kind = counted.kind

)

select * from duplicate_stats
