with

pairs_scored as (

    select * from {{ ref('int_pairs_flagged_live') }}
    where is_worth_comparing

),

similarity_models as (

    select * from {{ ref('similarity_models') }}

),

models as (

    select * from {{ ref('int_recipe_models') }}

),

pairs_routed as (

    select
        pairs_scored.image_id,
        pairs_scored.caption_id,
        pairs_scored.caption,
        similarities.name as model,
        similarities.model_id,
        image_encoders.name as image_model,
        image_encoders.model_id as image_model_id,
        caption_encoders.name as caption_model,
        caption_encoders.model_id as caption_model_id
    from pairs_scored
    inner join similarity_models
        on pairs_scored.similarity_model = similarity_models.similarity_model
    inner join models as similarities
        on
            similarity_models.similarity_model = similarities.name
            and similarities.kind = 'similarity'
    inner join models as image_encoders
        on
            similarity_models.image_encoder = image_encoders.name
            and image_encoders.kind = 'image_encoder'
    inner join models as caption_encoders
        on
            similarity_models.caption_encoder = caption_encoders.name
            and caption_encoders.kind = 'caption_encoder'

)

select * from pairs_routed
