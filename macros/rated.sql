{#- The rows of one kind of ratings, of each key one: a staging view. -#}
{% macro rated(kind) -%}
    {%- set rating = one_rating(kind) -%}
    with

    source as (

        select * from {{ source('enriched', rating.table) }}

    ),

    keyed as (

        select
            {{ rating.key | join(', ') }},
            model_id,
            outcome,
            error,
            {{ rating.score }},
            attempt_id,
            landed_at
        from source
        {{ first_success(rating.key | join(', ') ~ ', model_id') }}

    )

    select * from keyed
{%- endmacro %}
