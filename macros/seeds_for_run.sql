{#- `dbt run` loads no seeds; a lake without them gets them all the same. -#}
{% macro seeds_for_run() -%}
    {% if execute and flags.WHICH == "run" -%}
        {% for seed in graph.nodes.values() if seed.resource_type == "seed" %}
            create schema if not exists {{ seed.database }}.{{ seed.schema }};
            create table if not exists {{ seed.relation_name }} as
            from read_csv(
                '{{ seed.root_path }}/{{ seed.original_file_path }}',
                header = true, types = {{ seed.config.column_types }}
            );
        {% endfor %}
    {%- endif %}
{%- endmacro %}
