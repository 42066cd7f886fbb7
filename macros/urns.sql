{#- Whether a picture came without a URL, and stands under its sha256. -#}
{% macro is_urn(column) -%}
    starts_with({{ column }}, 'urn:sha256:')
{%- endmacro %}
