{#- Whether a recipe has no model for this, or the same as the other recipe. -#}
{% macro covers(model_id) -%}
    coalesce(resolved.{{ model_id }} = rivals.{{ model_id }}, resolved.{{ model_id }} is null)
{%- endmacro %}
