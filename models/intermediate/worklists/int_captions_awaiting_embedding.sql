with

pairs_routed as (

    select * from {{ ref('int_pairs_routed') }}

),

caption_embeddings as (

    select * from {{ ref('stg_enriched__caption_embeddings') }}

),

captions as (

    select
        caption_id,
        min(caption) as caption,
        caption_model,
        caption_model_id
    from pairs_routed
    group by caption_id, caption_model, caption_model_id

),

captions_awaiting_embedding as (

    select
        captions.caption_id,
        captions.caption,
        captions.caption_model as model,
        captions.caption_model_id as model_id
    from captions
    anti join caption_embeddings
        on
            captions.caption_id = caption_embeddings.caption_id
            and captions.caption_model_id = caption_embeddings.model_id

)

select * from captions_awaiting_embedding
