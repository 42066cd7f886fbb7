{#-
    The recipe that decides, as a text of SQL between quotes: that of
    `--vars 'recipe: …'`, else PAIRLAKE_RECIPE.
-#}
{% macro recipe() -%}
    {%- set set_up = env_var("PAIRLAKE_RECIPE", "") or "laion_5b" -%}
    {{ (var("recipe", set_up) ~ "") | replace("'", "''") }}
{%- endmacro %}
