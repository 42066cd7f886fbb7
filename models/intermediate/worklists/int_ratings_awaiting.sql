with

images_unscored as (

    select * from {{ ref('int_images_unscored') }}
    where
        kind in (
            {% for rating in ratings() if rating.key == ['image_id'] %}
                '{{ rating.kind }}'{{ '' if loop.last else ',' }}
            {% endfor %}
        )

),

image_embeddings as (

    select * from {{ ref('stg_enriched__image_embeddings') }}
    where outcome = 'ok'

),

pairs_scored as (

    select * from {{ ref('int_pairs_flagged_live') }}
    where is_worth_rating

),

recipe_models as (

    select * from {{ ref('int_recipe_models') }}

),

ratings as (

    select * from {{ ref('stg_enriched__ratings') }}

),

-- A head reads the embedding of its encoder, and waits for it; another model
-- reads pixels, and `attempt_id` says which row of them.
images_awaiting as (

    select
        images_unscored.kind,
        images_unscored.image_id,
        null::uuid as caption_id,
        null::varchar as caption,
        null::varchar as language,
        images_unscored.model,
        images_unscored.model_id,
        images_unscored.image_model_id,
        images_unscored.attempt_id
    from images_unscored
    left join image_embeddings
        on
            images_unscored.image_id = image_embeddings.image_id
            and images_unscored.image_model_id = image_embeddings.model_id
    where
        image_embeddings.image_id is not null
        or images_unscored.attempt_id is not null

),

captions as (

    select
        caption_id,
        min(caption) as caption,
        min(language) as language
    from pairs_scored
    group by caption_id

),

-- Another language is another case, where a score goes by it. Kinds are
-- spelled out, so that who asks for one is spared the rest.
captions_rated as (

    {% for rating in ratings() if 'caption_id' in rating.key %}
        select
            '{{ rating.kind }}' as kind,
            captions.*,
            recipe_models.name as model,
            recipe_models.model_id,
            case when {{ 'language' in rating.key }} then captions.language end
                as rated_as
        from captions
        cross join recipe_models
        where recipe_models.kind = '{{ rating.kind }}'
        {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

captions_awaiting as (

    select
        captions_rated.kind,
        null::uuid as image_id,
        captions_rated.caption_id,
        captions_rated.caption,
        captions_rated.language,
        captions_rated.model,
        captions_rated.model_id,
        null::varchar as image_model_id,
        null::uuid as attempt_id
    from captions_rated
    anti join ratings
        on
            captions_rated.kind = ratings.kind
            and captions_rated.caption_id = ratings.caption_id
            and captions_rated.rated_as is not distinct from ratings.language
            and captions_rated.model_id = ratings.model_id

),

ratings_awaiting as (

    select * from images_awaiting

    union all

    select * from captions_awaiting

)

select * from ratings_awaiting
