{#- What a recipe names, and of which kind it is. -#}
{%- set kinds = {
    'language_model': 'language',
    'image_hash_model': 'image_hash',
    'similarity_model_en': 'similarity',
    'similarity_model_other': 'similarity'
} -%}
{%- for rating in ratings() -%}
    {%- do kinds.update({rating.kind ~ '_model': rating.kind}) -%}
{%- endfor -%}
{%- set model_ids = kinds | map('replace', '_model', '_model_id') | list -%}

with

recipes as (

    select * from {{ ref('int_recipes') }}

),

models as (

    select * from {{ ref('stg_enriched__models') }}

),

resolved as (

    select
        recipes.*,
        {% for name in kinds -%}
            {{ name }}s.model_id as {{ model_ids[loop.index0] }}
            {%- if not loop.last %},{% endif %}
        {% endfor %}
    from recipes
    {% for name, kind in kinds.items() -%}
        left join models as {{ name }}s
            on
                recipes.{{ name }} = {{ name }}s.name
                and {{ name }}s.kind = '{{ kind }}'
    {% endfor %}

),

counted as (

    select
        *,
        list_count([
            {{ model_ids | join(', ') }}
        ]) as model_count
    from resolved

),

-- What one recipe's models measure serves each recipe that has no other ones;
-- theirs counts that has the most.
coverings as (

    select
        resolved.recipe,
        arg_min(
            rivals.recipe,
            (
                -rivals.model_count,
                rivals.recipe
            )
        ) as measured_as
    from resolved
    inner join counted as rivals
        on
            (
                resolved.language_model_id is null
                or (
                    resolved.min_language_probability
                    is not distinct from rivals.min_language_probability
                    and coalesce(resolved.page_language, false)
                    = coalesce(rivals.page_language, false)
                )
            )
            {% for model_id in model_ids -%}
                and (
                    resolved.{{ model_id }} is null
                    or resolved.{{ model_id }} = rivals.{{ model_id }}
                )
            {% endfor %}
    group by resolved.recipe

),

recipes_resolved as (

    select
        resolved.*,
        coverings.measured_as
    from resolved
    inner join coverings on resolved.recipe = coverings.recipe

)

select * from recipes_resolved
