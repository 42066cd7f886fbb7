{#-
    Captions that lack a rating of one kind by the recipe's model: of pairs that
    their similarity leaves in.
-#}
{% macro captions_awaiting(kind) -%}
    {%- set rating = one_rating(kind) -%}
    with

    pairs_scored as (

        select * from {{ ref('int_pairs_flagged_live') }}
        where is_worth_rating

    ),

    recipe_models as (

        select * from {{ ref('int_recipe_models') }}
        where kind = '{{ kind }}'

    ),

    {{ rating.table }} as (

        select * from {{ ref('stg_enriched__' ~ rating.table) }}

    ),

    captions as (

        select
            caption_id,
            min(caption) as caption,
            min(language) as language
        from pairs_scored
        group by caption_id

    ),

    captions_awaiting as (

        select
            captions.caption_id,
            captions.caption,
            captions.language,
            recipe_models.name as model,
            recipe_models.model_id
        from captions
        cross join recipe_models
        anti join {{ rating.table }}
            on
                captions.caption_id = {{ rating.table }}.caption_id
                and {{ same_language(rating, 'captions') }}
                and recipe_models.model_id = {{ rating.table }}.model_id

    )

    select * from captions_awaiting
{%- endmacro %}
