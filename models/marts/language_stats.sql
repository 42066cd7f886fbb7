with

pairs_judged as (

    select * from {{ ref('int_pairs_judged') }}
    where split is not null

),

pairs_deduplicated as (

    select * from {{ ref('int_pairs_deduplicated') }}

),

counted as (

    select
        pairs_judged.split,
        coalesce(pairs_judged.language, 'none') as language,
        count(*) as pairs,
        count(distinct pairs_judged.caption_id) as captions,
        avg(pairs_deduplicated.caption_chars) as mean_caption_chars,
        quantile_disc(pairs_deduplicated.caption_chars, [0.05, 0.5, 0.95])
            as caption_chars,
        count(*) filter (where pairs_judged.drop_reason is null) as kept
    from pairs_judged
    inner join pairs_deduplicated
        on pairs_judged.pair_id = pairs_deduplicated.pair_id
    group by pairs_judged.split, coalesce(pairs_judged.language, 'none')

),

language_stats as (

    select
        split,
        language,
        pairs,
        captions,
        mean_caption_chars,
        caption_chars[1]::integer as caption_chars_p05,
        caption_chars[2]::integer as median_caption_chars,
        caption_chars[3]::integer as caption_chars_p95,
        kept,
        kept / nullif(sum(kept) over (partition by split), 0)
            as kept_share_of_split
    from counted

)

select * from language_stats
