with

pairs_judged as (

    select * from {{ ref('int_pairs_judged') }}
    where split is not null

),

pairs_deduplicated as (

    select * from {{ ref('int_pairs_deduplicated') }}

),

language_stats as (

    select
        pairs_judged.split,
        coalesce(pairs_judged.language, 'none') as language,
        count(*) as pairs,
        count(distinct pairs_judged.caption_id) as captions,
        avg(length(pairs_deduplicated.caption)) as mean_caption_chars,
        count(*) filter (where pairs_judged.drop_reason is null) as kept
    from pairs_judged
    inner join pairs_deduplicated
        on pairs_judged.pair_id = pairs_deduplicated.pair_id
    group by pairs_judged.split, coalesce(pairs_judged.language, 'none')

)

select * from language_stats
