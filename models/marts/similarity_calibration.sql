with

pairs_measured as (

    select * from {{ ref('int_pairs_measured') }}
    where similarity is not null

),

recipes_applied as (

    select * from {{ ref('int_recipes_applied') }}
    where recipe = '{{ recipe() }}'

),

-- A picture and a caption that meet behind several URLs are compared once.
compared as (

    select distinct
        pairs_measured.image_id,
        pairs_measured.caption_id,
        pairs_measured.similarity_model_id,
        coalesce(pairs_measured.language, 'none') as language,
        pairs_measured.similarity,
        case
            when pairs_measured.language = 'en'
                then recipes_applied.min_similarity_en
            else recipes_applied.min_similarity_other
        end as min_similarity
    from pairs_measured
    inner join recipes_applied
        on pairs_measured.measured_as = recipes_applied.measured_as

),

-- One list of quantiles: each aggregate of them holds all similarities anew.
counted as (

    select
        similarity_model_id,
        coalesce(language, 'all') as language,
        count(*) as pairs,
        quantile_cont(
            similarity,
            [
                0.01, 0.05, 0.25, 0.50, 0.75, 0.95, 0.99,
                1 - {{ var('laion_kept_share') }}
            ]
        ) as quantiles,
        min(min_similarity) as min_similarity,
        avg((similarity >= min_similarity)::integer) as kept_share
    from compared
    group by
        grouping sets (
            (similarity_model_id, language), (similarity_model_id)
        )

),

similarity_calibration as (

    select
        similarity_model_id,
        language,
        pairs,
        quantiles[1] as similarity_p01,
        quantiles[2] as similarity_p05,
        quantiles[3] as similarity_p25,
        quantiles[4] as similarity_p50,
        quantiles[5] as similarity_p75,
        quantiles[6] as similarity_p95,
        quantiles[7] as similarity_p99,
        quantiles[8] as min_similarity_of_laions_share,
        min_similarity,
        kept_share
    from counted

)

select * from similarity_calibration
