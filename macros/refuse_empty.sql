{#-
    With --empty dbt makes every table without rows, the published ones too. It is
    ended before it makes any, and noted, as every build that fails.
-#}
{% macro refuse_empty() -%}
    {% if execute and flags.EMPTY -%}
        {%- set build = {"unique_id": "build.pairlake.--empty"} -%}
        {%- set failed = {"status": "error", "node": build} -%}
        {%- do run_query(note_failures([failed])) -%}
        {{ exceptions.raise_compiler_error(
            "With --empty nothing would be left of the dataset, so nothing is built: "
            ~ "leave it out. To see the SQL alone: dbt compile --empty"
        ) }}
    {%- endif %}
{%- endmacro %}
