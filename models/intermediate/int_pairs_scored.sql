with

pairs_fetched as (

    select * from {{ ref('int_pairs_fetched') }}

),

image_hashes as (

    select * from {{ ref('stg_enriched__image_hashes') }}
    where outcome = 'ok'

),

pair_similarities as (

    select * from {{ ref('stg_enriched__pair_similarities') }}
    where outcome = 'ok' and not isnan(similarity)

),

routed as (

    select
        *,
        is_worth_scoring and has_language as is_worth_comparing,
        case
            when language = 'en' then similarity_model_en
            when has_language then similarity_model_other
        end as similarity_model,
        case
            when language = 'en' then similarity_model_id_en
            when has_language then similarity_model_id_other
        end as similarity_model_id,
        case
            when language = 'en' then min_similarity_en
            when has_language then min_similarity_other
        end as min_similarity
    from pairs_fetched

),

compared as (

    select
        routed.*,
        pair_similarities.similarity,
        image_hashes.phash
    from routed
    left join pair_similarities
        on
            routed.image_id = pair_similarities.image_id
            and routed.caption_id = pair_similarities.caption_id
            and routed.similarity_model_id = pair_similarities.model_id
    left join image_hashes
        on
            routed.image_id = image_hashes.image_id
            and routed.image_hash_model_id = image_hashes.model_id

),

flagged as (

    select
        *,
        is_worth_comparing
        and min_similarity is not null
        and similarity is null as is_similarity_missing,
        coalesce(similarity < min_similarity, false) as is_similarity_too_low
    from compared

),

pairs_scored as (

    select
        *,
        is_worth_comparing
        and not is_similarity_missing
        and not is_similarity_too_low as is_worth_rating
    from flagged

)

select * from pairs_scored
