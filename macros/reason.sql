{#- A drop reason's name where its flag is up, else null. -#}
{% macro reason(flag, name) -%}
    case when {{ flag }} then '{{ name }}' end
{%- endmacro %}
