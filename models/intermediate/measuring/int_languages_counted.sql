{{ config(materialized='table') }}

with

pairs_read as (

    select * from {{ ref('int_pairs_read') }}
    where split is not null

),

pairs_described as (

    select * from {{ ref('int_pairs_described') }}

),

counted as (

    select
        pairs_read.read_as,
        pairs_read.split,
        coalesce(pairs_read.language, 'none') as language,
        count(*) as pairs,
        count(distinct pairs_read.caption_id) as captions,
        avg(pairs_described.caption_chars) as mean_caption_chars,
        quantile_disc(pairs_described.caption_chars, [0.05, 0.5, 0.95])
            as caption_chars
    from pairs_read
    inner join pairs_described
        on pairs_read.pair_id = pairs_described.pair_id
    group by
        pairs_read.read_as,
        pairs_read.split,
        coalesce(pairs_read.language, 'none')

),

languages_counted as (

    select
        read_as,
        split,
        language,
        pairs,
        captions,
        mean_caption_chars,
        caption_chars[1]::integer as caption_chars_p05,
        caption_chars[2]::integer as median_caption_chars,
        caption_chars[3]::integer as caption_chars_p95
    from counted

)

select * from languages_counted
