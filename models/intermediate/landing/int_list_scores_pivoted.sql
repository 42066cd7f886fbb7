with

list_scores as (

    select * from {{ ref('stg_raw__list_scores') }}

),

-- A list's NaN is a missing score: it would pass every `>=`.
finite as (

    select
        pair_id,
        source,
        name,
        case when isfinite(value) then value end as score
    from list_scores

),

-- DataComp and COYO have names of their own; of two similarities, that of CLIP
-- ViT-L/14.
pivoted as (

    select
        pair_id,
        source,
        coalesce(
            max(score) filter (where name = 'similarity'),
            max(score) filter (where name = 'clip_l14_similarity_score'),
            max(score) filter (where name = 'clip_similarity_vitl14')
        ) as similarity,
        max(score) filter (where name = 'punsafe') as punsafe,
        coalesce(
            max(score) filter (where name = 'pwatermark'),
            max(score) filter (where name = 'watermark_score')
        ) as pwatermark,
        coalesce(
            max(score) filter (where name = 'aesthetic_score'),
            max(score) filter (where name = 'aesthetic_score_laion_v2')
        ) as aesthetic_score,
        coalesce(
            max(score) filter (where name = 'original_width'),
            max(score) filter (where name = 'width')
        ) as width,
        coalesce(
            max(score) filter (where name = 'original_height'),
            max(score) filter (where name = 'height')
        ) as height
    from finite
    group by pair_id, source

),

-- What a list says may be out of range, and must not end the build.
list_scores_pivoted as (

    select
        pair_id,
        source,
        try_cast(similarity as float) as similarity,
        try_cast(punsafe as float) as punsafe,
        try_cast(pwatermark as float) as pwatermark,
        try_cast(aesthetic_score as float) as aesthetic_score,
        try_cast(width as integer) as width,
        try_cast(height as integer) as height
    from pivoted

)

select * from list_scores_pivoted
