with

pairs_measured as (

    select * from {{ ref('int_pairs_measured') }}
    where similarity is not null

),

recipes_applied as (

    select * from {{ ref('int_recipes_applied') }}
    where recipe = '{{ recipe() }}'

),

pairs as (

    select * from {{ ref('pairs') }}
    where similarity is not null

),

-- Two scans and no join: what is kept has its similarity with it. Rounded, so
-- that a threshold as float begins its bin.
binned as (

    select
        pairs_measured.split,
        floor(round(pairs_measured.similarity * 50, 4))::integer as bin,
        count(*) as pairs,
        0 as kept
    from pairs_measured
    inner join recipes_applied
        on pairs_measured.measured_as = recipes_applied.measured_as
    group by
        pairs_measured.split,
        floor(round(pairs_measured.similarity * 50, 4))

    union all

    select
        split,
        floor(round(similarity * 50, 4))::integer as bin,
        0 as pairs,
        count(*) as kept
    from pairs
    group by split, floor(round(similarity * 50, 4))

),

similarity_histogram as (

    select
        split,
        round(bin * 0.02, 2)::float as low,
        round((bin + 1) * 0.02, 2)::float as high,
        sum(pairs)::bigint as pairs,
        sum(kept)::bigint as kept
    from binned
    group by split, bin

)

select * from similarity_histogram
