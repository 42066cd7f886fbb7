with

laion_5b_shape as (

    select * from {{ ref('laion_5b_shape') }}

),

pairs as (

    select
        split,
        language,
        length(caption) as caption_chars,
        width,
        height,
        least(width, height) as shorter_side,
        punsafe,
        pwatermark
    from {{ ref('pairs') }}

),

measured as (

    select
        split,
        count(*) as pairs,
        count(punsafe) as pairs_punsafe,
        count(pwatermark) as pairs_pwatermark,
        count(*) / sum(count(*)) over () as pairs_share,
        avg(caption_chars) as caption_chars_mean,
        quantile_disc(caption_chars, [0.05, 0.5, 0.95]) as caption_chars,
        quantile_disc(width, 0.5) as width_median,
        quantile_disc(height, 0.5) as height_median,
        avg((shorter_side > 256)::integer) as larger_than_256_share,
        avg((shorter_side > 512)::integer) as larger_than_512_share,
        avg((shorter_side > 1024)::integer) as larger_than_1024_share,
        avg((punsafe > 0.5)::integer) as punsafe_over_05_share,
        avg((pwatermark > 0.8)::integer) as pwatermark_over_08_share
    from pairs
    group by split

),

listed as (

    select
        split,
        unnest(map_entries(map {
            'pairs_share': pairs_share,
            'caption_chars_mean': caption_chars_mean,
            'caption_chars_p05': caption_chars[1],
            'caption_chars_median': caption_chars[2],
            'caption_chars_p95': caption_chars[3],
            'width_median': width_median,
            'height_median': height_median,
            'larger_than_256_share': larger_than_256_share,
            'larger_than_512_share': larger_than_512_share,
            'larger_than_1024_share': larger_than_1024_share,
            'punsafe_over_05_share': punsafe_over_05_share,
            'pwatermark_over_08_share': pwatermark_over_08_share
        })) as entry,
        pairs,
        pairs_punsafe,
        pairs_pwatermark
    from measured

),

languages as (

    select
        split,
        language,
        count(*) as pairs
    from pairs
    group by split, language

),

-- A language that is not to be found here has a share of 0, where there is any.
language_shares as (

    select
        laion_5b_shape.split,
        laion_5b_shape.measure,
        coalesce(languages.pairs, 0) / measured.pairs as this_dataset,
        measured.pairs
    from laion_5b_shape
    inner join measured on laion_5b_shape.split = measured.split
    left join languages
        on
            laion_5b_shape.split = languages.split
            and laion_5b_shape.measure
            = 'language_share_' || languages.language
    where laion_5b_shape.measure like 'language_share_%'

),

measurements as (

    select
        split,
        entry['key'] as measure,
        entry['value'] as this_dataset,
        case entry['key']
            when 'punsafe_over_05_share' then pairs_punsafe
            when 'pwatermark_over_08_share' then pairs_pwatermark
            else pairs
        end as pairs
    from listed

    union all

    select * from language_shares

),

conformance as (

    select
        laion_5b_shape.split,
        laion_5b_shape.measure,
        laion_5b_shape.published as laion_5b,
        measurements.this_dataset,
        measurements.this_dataset - laion_5b_shape.published as difference,
        measurements.this_dataset / laion_5b_shape.published as ratio,
        coalesce(measurements.pairs, 0) as pairs,
        laion_5b_shape.source
    from laion_5b_shape
    left join measurements
        on
            laion_5b_shape.split = measurements.split
            and laion_5b_shape.measure = measurements.measure

)

select * from conformance
