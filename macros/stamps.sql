{#-
    As the comment of a table: its stamp, how many rows were ever written to it and how many it has, so
    that what somebody has changed by hand is not left alone, and the snapshot of the lake that it was
    made of.
-#}
{% macro note_stamp(relation, stamp, written, snapshot) -%}
    {%- set comment = [
        stamp["made_of"], stamp["basis"], written, rows_in(relation), snapshot
    ] -%}
    {%- do run_query(
        "comment on table " ~ relation ~ " is '" ~ comment | join(" ") ~ "'"
    ) -%}
{%- endmacro %}


{#-
    A table that is left alone is as good as made of what was there when dbt began. This is noted before the
    snapshot of which it was made expires, for a table that goes on from it.
-#}
{% macro note_again(relation, stamp, noted) -%}
    {%- if config.get("changed_by") -%}
        {%- set found = run_query("select getvariable('landed_at')") -%}
        {%- set now = found.columns[0].values()[0] -%}
        {%- if now - noted["snapshot"] > 30 -%}
            {%- do note_stamp(relation, stamp, noted["written"], now) -%}
            {%- do adapter.commit() -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}


{#-
    What `note_stamp` said of a table; nothing where it has been changed since.
-#}
{% macro stamp_noted(table, known) -%}
    {%- if table is none or table.is_view -%}
        {{ return({}) }}
    {%- endif -%}
    {%- set comment, written =
        known.get(name_of(table), "::").split(":")[:2]
    -%}
    {%- set parts = comment.split(" ") -%}
    {%- if
        parts | length != 5
        or parts[2] != written
        or parts[3] != rows_in(table) ~ ""
    -%}
        {{ return({}) }}
    {%- endif -%}
    {{ return({
        "made_of": parts[0],
        "basis": parts[1],
        "written": parts[2] | int,
        "rows": parts[3] | int,
        "snapshot": parts[4] | int,
    }) }}
{%- endmacro %}


{% macro rows_in(table) -%}
    {%- set counted = run_query("select count(*) from " ~ table) -%}
    {{ return(counted.columns[0].values()[0]) }}
{%- endmacro %}


{#-
    Of what a table is made: the md5 of its SQL, of its contract, of the views that it reads through, and
    of the versions of the tables behind them. Its basis is the same, but of tables by whose changes it is
    made anew (changes.sql) it holds only which tables they are.
-#}
{% macro stamp_of(model, known) -%}
    {%- set parts = [model.compiled_code, known["release"]] -%}
    {%- if model.config.contract.enforced -%}
        {%- do parts.append(model.columns | tojson) -%}
    {%- endif -%}
    {%- set made_of, basis = parts[:], parts[:] -%}
    {%- set nodes = reached(model.depends_on.nodes) -%}
    {%- for node in nodes | sort(attribute="unique_id") -%}
        {%- set name = name_of(node) -%}
        {%- set version = (known.get(name) ~ "").split(":") -%}
        {%- set is_table =
            node.config.materialized in ["table", "incremental"]
        -%}
        {#- Its comment may be another where its rows are the same. -#}
        {%- do made_of.append([name] + version[1 if is_table else 0:]) -%}
        {%- set is_gone_on_with = name in config.get("changed_by", {}) -%}
        {%- do basis.append(
            [name] + (version[3:] if is_gone_on_with else made_of[-1][1:])
        ) -%}
    {%- endfor -%}
    {{ return({
        "made_of": local_md5(made_of | join("\n")), "basis": local_md5(basis | join("\n"))
    }) }}
{%- endmacro %}


{#- The nodes that SQL reads: views before all that they read themselves. -#}
{% macro reached(ids) -%}
    {%- set found = {} -%}
    {%- for id in ids -%}
        {%- set node = graph.sources.get(id) or graph.nodes.get(id) -%}
        {%- set read = [node] -%}
        {%- if node.config.get("materialized") == "view" -%}
            {%- do read.extend(reached(node.depends_on.nodes)) -%}
        {%- endif -%}
        {%- for each in read -%}
            {%- do found.pop(each.unique_id, none) -%}
            {%- do found.update({each.unique_id: each}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(found.values() | list) }}
{%- endmacro %}


{#- Of a relation, or of a node, by which `versions` knows it. -#}
{% macro name_of(table) -%}
    {{ return(table.schema ~ "." ~ (table.alias or table.identifier)) }}
{%- endmacro %}


{#-
    Of each table and view of the lake, what changes when its rows may have: of a table of Python's
    what the build found when it began, of dbt's its comment, how many rows were ever written to it, how
    many its files have, and which table it is: an incremental one that is built anew has the same comment
    and may have as many rows. A seed is loaded anew in each build, and its comment says of what. No clock
    changes it, nor does a merge of files.
-#}
{% macro versions() -%}
    {%- set metadata = "__ducklake_metadata_" ~ target.database -%}
    {%- set query -%}
        with

        objects as (
            select schema_id, table_id as id, table_name as name
            from {{ metadata }}.ducklake_table
            where end_snapshot is null
            union all
            select schema_id, view_id, view_name
            from {{ metadata }}.ducklake_view
            where end_snapshot is null
        ),

        comments as (
            select object_id as id, any_value(value) as comment
            from {{ metadata }}.ducklake_tag
            where end_snapshot is null and key = 'comment'
            group by object_id
        ),

        files as (
            select table_id as id, record_count as row_count
            from {{ metadata }}.ducklake_data_file
            where end_snapshot is null
            union all
            select table_id, -delete_count
            from {{ metadata }}.ducklake_delete_file
            where end_snapshot is null
        ),

        counts as (
            select id, sum(row_count)::bigint as row_count
            from files
            group by id
        )

        select
            schemas.schema_name || '.' || objects.name as name,
            concat_ws(
                ':',
                coalesce(comments.comment, ''),
                coalesce(stats.record_count, 0),
                coalesce(counts.row_count, 0),
                if(schemas.schema_name = 'seeds', null, objects.id)
            ) as version
        from objects
        inner join {{ metadata }}.ducklake_schema as schemas
            on objects.schema_id = schemas.schema_id
        left join {{ metadata }}.ducklake_table_stats as stats on objects.id = stats.table_id
        left join comments on objects.id = comments.id
        left join counts on objects.id = counts.id
        where schemas.schema_name not in ('raw', 'enriched')

        union all

        select unnest(map_keys(landed)), unnest(map_values(landed))
        from (select getvariable('landed') as landed)
    {%- endset -%}
    {%- set known = {} -%}
    {%- for row in run_query(query).rows -%}
        {%- do known.update({row[0]: row[1]}) -%}
    {%- endfor -%}
    {{ return(known) }}
{%- endmacro %}
