{#- A rating beside the model that made it, or neither. -#}
{% macro rating(score, model_id) -%}
    pairs_measured.{{ score }},
        case
            when pairs_measured.{{ score }} is not null
                then recipes_applied.{{ model_id }}
        end as {{ model_id }}
{%- endmacro %}
