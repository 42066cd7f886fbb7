{%- set types =
    {'image_id': 'uuid', 'caption_id': 'uuid', 'language': 'varchar'}
-%}

with

keyed as (

    {% for rating in ratings() %}
        select
            '{{ rating.kind }}' as kind,
            {% for key, type in types.items() %}
                {{ key if key in rating.key else 'null::' ~ type }}
                    as {{ key }},
            {% endfor %}
            model_id,
            outcome,
            error,
            {{ rating.score }}::float as score,
            attempt_id,
            landed_at
        from {{ source('enriched', rating.table) }}
        {{ first_success(rating.key | join(', ') ~ ', model_id') }}
        {% if not loop.last %}union all{% endif %}
    {% endfor %}

)

select * from keyed
