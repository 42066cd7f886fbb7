{#-
    After a run: the models and tests that failed, until they succeed or are no more, in the table
    int_build_failures. `pairlake publish` shows nothing while one is there.
-#}
{% macro note_failures(results) -%}
    {% if execute and flags.WHICH in ("run", "test", "build") -%}
        {%- set failures = api.Relation.create(
            database=target.database,
            schema="intermediate",
            identifier="int_build_failures"
        ) -%}
        {%- set failed, settled = [], [] -%}
        {%- for result in results -%}
            {%- if result.status in ("error", "fail", "runtime error") -%}
                {%- do failed.append(result.node.unique_id) -%}
            {%- elif result.status != "skipped" -%}
                {%- do settled.append(result.node.unique_id) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if load_relation(failures) is not none %}
            delete from {{ failures }}
            where
                list_contains({{ (failed + settled) | tojson | replace('"', "'") }}, node)
                or not list_contains(
                    {{ known_nodes() | tojson | replace('"', "'") }}, node
                );
        {%- elif failed %}
            create schema if not exists {{ failures.database }}.{{ failures.schema }};
            create table {{ failures }} (node varchar, failed_at timestamp);
        {%- endif -%}
        {%- for node in failed %}
            insert into {{ failures }} values ('{{ node }}', current_timestamp::timestamp);
        {%- endfor -%}
    {%- endif %}
{%- endmacro %}


{#- All that dbt runs and tests: unit tests are not among the graph's nodes. -#}
{% macro known_nodes() -%}
    {{ return(
        (graph.nodes.keys() | list) + (graph.get("unit_tests", {}).keys() | list)
    ) }}
{%- endmacro %}
