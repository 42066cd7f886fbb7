with

pairs_routed as (

    select * from {{ ref('int_pairs_routed') }}

),

image_embeddings as (

    select * from {{ ref('stg_enriched__image_embeddings') }}
    where outcome = 'ok'

),

caption_embeddings as (

    select * from {{ ref('stg_enriched__caption_embeddings') }}
    where outcome = 'ok'

),

pair_similarities as (

    select * from {{ ref('stg_enriched__pair_similarities') }}

),

pairs as (

    select distinct
        image_id,
        caption_id,
        model,
        model_id,
        image_model_id,
        caption_model_id
    from pairs_routed

),

pairs_awaiting_similarity as (

    select pairs.*
    from pairs
    semi join image_embeddings
        on
            pairs.image_id = image_embeddings.image_id
            and pairs.image_model_id = image_embeddings.model_id
    semi join caption_embeddings
        on
            pairs.caption_id = caption_embeddings.caption_id
            and pairs.caption_model_id = caption_embeddings.model_id
    anti join pair_similarities
        on
            pairs.image_id = pair_similarities.image_id
            and pairs.caption_id = pair_similarities.caption_id
            and pairs.model_id = pair_similarities.model_id

)

select * from pairs_awaiting_similarity
