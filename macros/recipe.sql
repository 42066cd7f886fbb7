{#-
    The recipe that decides, as a text of SQL between quotes: `--vars 'recipe: …'`, else PAIRLAKE_RECIPE.
-#}
{% macro recipe() -%}
    {%- set name = var("recipe", env_var("PAIRLAKE_RECIPE", "") or "laion_5b") -%}
    {{ (name ~ "") | replace("'", "''") }}
{%- endmacro %}
