{#- With --empty dbt makes every table without rows, the published ones too. -#}
{% macro refuse_empty() -%}
    {% if execute and flags.EMPTY -%}
        select error(
            'With --empty nothing would be left of the dataset, so nothing is '
            'built: leave it out. To see the SQL alone: dbt compile --empty'
        );
    {%- endif %}
{%- endmacro %}
