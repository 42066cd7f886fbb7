{#- The recipe that decides: `--vars 'recipe: …'`, else PAIRLAKE_RECIPE. -#}
{% macro recipe() -%}
    {{ var("recipe", env_var("PAIRLAKE_RECIPE", "") or "laion_5b") }}
{%- endmacro %}
