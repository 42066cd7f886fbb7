{%- set image_ratings =
    ratings() | selectattr('key', 'equalto', ['image_id']) | list
-%}

with

-- Read once, and held: what is not named would be held too.
pairs_flagged as (

    select
        image_id,
        similarity_model,
        is_worth_comparing,
        is_similarity_missing,
        {% for rating in image_ratings -%}
            is_{{ rating.score }}_missing,
        {% endfor -%}
        is_worth_rating
    from {{ ref('int_pairs_flagged_live') }}
    where is_worth_scoring

),

similarity_models as (

    select * from {{ ref('similarity_models') }}

),

recipe_models as (

    select * from {{ ref('int_recipe_models') }}

),

image_heads as (

    select * from {{ ref('image_heads') }}

),

image_pixels as (

    select * from {{ ref('stg_raw__image_pixels') }}

),

models as (

    select
        recipe_models.kind,
        recipe_models.name as model,
        recipe_models.model_id,
        image_heads.head is not null as is_head,
        encoders.name as image_model,
        encoders.model_id as image_model_id
    from recipe_models
    left join image_heads on recipe_models.name = image_heads.head
    left join recipe_models as encoders
        on
            image_heads.image_encoder = encoders.name
            and encoders.kind = 'image_encoder'

),

images as (

    select
        image_id,
        {% for rating in image_ratings -%}
            bool_or(is_{{ rating.score }}_missing)
                as is_{{ rating.score }}_missing,
        {% endfor -%}
        bool_or(is_worth_rating) as is_worth_rating
    from pairs_flagged
    group by image_id

),

compared as (

    select
        pairs_flagged.image_id,
        models.model,
        models.model_id,
        pairs_flagged.is_similarity_missing as is_deciding
    from pairs_flagged
    inner join similarity_models
        on pairs_flagged.similarity_model = similarity_models.similarity_model
    inner join models
        on
            similarity_models.image_encoder = models.model
            and models.kind = 'image_encoder'
    where pairs_flagged.is_worth_comparing

),

rated as (

    {% for rating in image_ratings %}
        select
            images.image_id,
            -- Spelled out: who asks for another kind is spared the rest.
            '{{ rating.kind }}' as kind,
            models.* exclude (kind),
            images.is_{{ rating.score }}_missing as is_deciding
        from images
        cross join models
        where
            images.is_worth_rating
            and models.kind = '{{ rating.kind }}'
        {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

-- What a head says is made from the embedding of its encoder, which is made
-- from pixels, as all else is.
wanted as (

    select
        images.image_id,
        models.kind,
        models.model,
        models.model_id,
        null::varchar as image_model_id,
        true as reads_pixels,
        false as is_deciding
    from images
    cross join models
    where models.kind = 'image_hash'

    union all

    select
        image_id,
        'image_encoder' as kind,
        model,
        model_id,
        null::varchar as image_model_id,
        true as reads_pixels,
        is_deciding
    from compared

    union all

    select
        image_id,
        kind,
        model,
        model_id,
        image_model_id,
        not is_head as reads_pixels,
        is_deciding
    from rated

    union all

    select
        image_id,
        'image_encoder' as kind,
        image_model as model,
        image_model_id as model_id,
        null::varchar as image_model_id,
        true as reads_pixels,
        is_deciding
    from rated
    where is_head

),

scores as (

    select
        image_id,
        'image_hash' as kind,
        model_id,
        outcome
    from {{ ref('stg_enriched__image_hashes') }}

    union all

    select
        image_id,
        'image_encoder' as kind,
        model_id,
        outcome
    from {{ ref('stg_enriched__image_embeddings') }}

    union all

    select
        image_id,
        kind,
        model_id,
        outcome
    from {{ ref('stg_enriched__ratings') }}
    where image_id is not null

),

-- A failure is final, but not one for want of pixels.
scored as (

    select * from scores
    where outcome != 'pixels_missing'

),

unscored as (

    select
        wanted.image_id,
        wanted.kind,
        wanted.model,
        wanted.model_id,
        wanted.image_model_id,
        wanted.reads_pixels,
        bool_or(wanted.is_deciding) as is_deciding
    from wanted
    anti join scored
        on
            wanted.image_id = scored.image_id
            and wanted.kind = scored.kind
            and wanted.model_id = scored.model_id
    group by all

),

images_unscored as (

    select
        unscored.*,
        image_pixels.attempt_id
    from unscored
    left join image_pixels
        on
            unscored.reads_pixels
            and unscored.image_id = image_pixels.image_id

)

select * from images_unscored
