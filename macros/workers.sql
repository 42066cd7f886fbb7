{#-
    How many processes of a Ray cluster make buckets; none where the engine is no such cluster.
-#}
{% macro worker_count() -%}
    {%- set found = run_query(
        "select told.* from (select bucket_workers() as told)"
    ) -%}
    {{ return(answer_of(found.rows[0])) }}
{%- endmacro %}


{#-
    So many buckets at least that each of the processes has as many to make as the others.
-#}
{% macro for_workers(count) -%}
    {%- set workers = [worker_count(), 1] | max -%}
    {{ return((count + workers - 1) // workers * workers) }}
{%- endmacro %}


{#-
    Makes a table by buckets that a Ray cluster's processes write, all at once (lake/buckets.py): from
    what had been committed when the model's transaction began, in which their files are added. The query
    waits turn by turn, since DuckDB hears of Ctrl-C between two.
-#}
{% macro make_by_workers(relation, statements) -%}
    {%- set snapshot = current_snapshot() -%}
    {%- call statement("main") -%}
        {{ create_with(
            relation, "select * from (\n" ~ statements[0] ~ "\n) where false"
        ) }}
    {%- endcall -%}
    {%- set columns = [] -%}
    {%- for column in run_query("describe " ~ relation).rows -%}
        {%- do columns.append('"' ~ column[0] ~ '"::' ~ column[1] ~ ' as "' ~ column[0] ~ '"') -%}
    {%- endfor -%}
    {%- set quoted = [] -%}
    {%- for sql in statements -%}
        {%- set typed = "select " ~ columns | join(", ") ~ " from (\n" ~ sql ~ "\n)" -%}
        {%- do quoted.append("'" ~ typed | replace("'", "''") ~ "'") -%}
    {%- endfor -%}
    {%- set partitions = config.get("partitioned_by") or [] -%}
    {%- set waiting -%}
        with recursive waiting as (
            select hand_out_buckets(
                '{{ name_of(relation) }}',
                {{ snapshot }},
                {{ partitions }}::varchar[],
                [{{ quoted | join(", ") }}]
            ) as told
            union all
            select made_buckets(told) from waiting where told is null
        )
        select to_json(told.answer)::varchar, told.failure from waiting where told is not null
    {%- endset -%}
    {%- set files = fromjson(answer_of(run_query(waiting).rows[0])) -%}
    {%- if files -%}
        {%- set listed = files | join("\n") | replace("'", "''") | replace("\n", "', '") -%}
        {%- do run_query(
            "call ducklake_add_data_files('" ~ relation.database ~ "', '" ~ relation.identifier
            ~ "', ['" ~ listed ~ "'], schema => '" ~ relation.schema
            ~ "', hive_partitioning => " ~ (partitions | length > 0) ~ ")"
        ) -%}
    {%- endif -%}
    {%- do store_raw_result(
        "main",
        message=statements | length ~ " BUCKETS",
        code="BUCKETS",
        rows_affected=statements | length
    ) -%}
{%- endmacro %}


{#- Of an answer and a failure, of which one is null; the failure is raised. -#}
{% macro answer_of(told) -%}
    {%- if told[1] -%}
        {{ exceptions.raise_compiler_error(told[1]) }}
    {%- endif -%}
    {{ return(told[0]) }}
{%- endmacro %}
