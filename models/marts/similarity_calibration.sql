with

pairs_scored as (

    select * from {{ ref('int_pairs_scored') }}
    where recipe = '{{ recipe() }}' and similarity is not null

),

-- A picture and a caption that meet behind several URLs are compared once.
compared as (

    select distinct
        image_id,
        caption_id,
        similarity_model_id,
        coalesce(language, 'none') as language,
        similarity,
        min_similarity
    from pairs_scored

),

similarity_calibration as (

    select
        similarity_model_id,
        coalesce(language, 'all') as language,
        count(*) as pairs,
        quantile_cont(similarity, 0.01) as similarity_p01,
        quantile_cont(similarity, 0.05) as similarity_p05,
        quantile_cont(similarity, 0.25) as similarity_p25,
        quantile_cont(similarity, 0.50) as similarity_p50,
        quantile_cont(similarity, 0.75) as similarity_p75,
        quantile_cont(similarity, 0.95) as similarity_p95,
        quantile_cont(similarity, 0.99) as similarity_p99,
        quantile_cont(similarity, 1 - {{ var('laion_kept_share') }})
            as min_similarity_of_laions_share,
        min(min_similarity) as min_similarity,
        avg((similarity >= min_similarity)::integer) as kept_share
    from compared
    group by
        grouping sets (
            (similarity_model_id, language), (similarity_model_id)
        )

)

select * from similarity_calibration
