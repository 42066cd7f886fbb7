{#-
    How a table is made anew for what has changed alone. A model says with `changed_by` by which tables'
    changes its rows become others: of each the column by which it is joined, and, where the first table
    has no such column, through which of the others. The first is the one that gives each row its key.

        config(changed_by={
            'intermediate.int_pairs_deduplicated': 'pair_id',
            'intermediate.int_urls_resolved': 'url_id',
            'intermediate.int_images': ['image_id', 'intermediate.int_urls_resolved'],
        })

    It is none where what changes there changes another of them too. What a view reads of a table it must
    not count or rank across that column.

    What changed is what DuckLake's change feed has of them since the snapshot of which the table was
    made. All else that the model reads must be as it was, and that snapshot be there still.
-#}
{% macro changed_by() -%}
    {%- set tables = {} -%}
    {%- set nodes = {} -%}
    {%- for node in reached(model.depends_on.nodes) -%}
        {%- do nodes.update({name_of(node): node}) -%}
    {%- endfor -%}
    {%- set by = config.get("changed_by", {}) -%}
    {%- for name, declared in by.items() if declared -%}
        {%- set column, through =
            [declared, none] if declared is string else declared
        -%}
        {%- do tables.update({name: {
            "node": nodes[name],
            "relation": nodes[name].relation_name,
            "column": column,
            "through": through,
        }}) -%}
    {%- endfor -%}
    {{ return(tables) }}
{%- endmacro %}


{#-
    What is to be written of a table in place of what: the condition of the rows that go, and the SQL of
    those that come. Nothing where the whole table is to be made: it is not there, or was made of something
    else, or so much has changed that to find it among the rest takes longer.
-#}
{% macro what_changed(existing, noted, stamp, now) -%}
    {%- if
        config.get("changed_by")
        and noted.get("basis") == stamp["basis"]
        and is_kept(noted["snapshot"])
    -%}
        {%- set tables, since = changed_by(), noted["snapshot"] -%}
        {%- if config.get("sums_by") -%}
            {{ return(sums_that_changed(tables, since, now)) }}
        {%- endif -%}
        {%- set changed = changed_rows(tables, since, now) -%}
        {%- if rows_in(changed["keys"]) * 3 <= largest_of(tables) -%}
            {{ return({
                "gone":
                    (tables.values() | first).column
                    ~ " in (from " ~ changed["keys"] ~ ")",
                "come": sql_of_changed(
                    model.compiled_code, tables, changed["joined"]
                ),
            }) }}
        {%- endif -%}
    {%- endif -%}
    {%- if config.get("compared_by") and noted -%}
        {{ return(rows_that_differ(existing, config.get("compared_by"))) }}
    {%- endif -%}
    {{ return(none) }}
{%- endmacro %}


{#-
    Of a table that is made anew at any rate, what is no longer as it stands; by the key of its rows.
-#}
{% macro rows_that_differ(existing, key) -%}
    {%- set made = temporary("made") -%}
    {%- set differing = temporary("changed") -%}
    {%- do run_query(
        "create or replace temporary table " ~ made ~ " as "
        ~ model.compiled_code
    ) -%}
    {%- if columns_of(made) != columns_of(existing) -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set differences = [] -%}
    {%- for one, other in [(made, existing), (existing, made)] -%}
        {%- do differences.append(
            "(from " ~ one ~ " except all from " ~ other ~ ")"
        ) -%}
    {%- endfor -%}
    {%- do run_query(
        "create or replace temporary table " ~ differing ~ " as"
        ~ " select distinct " ~ key ~ " from ("
        ~ differences | join(" union all ") ~ ")"
    ) -%}
    {%- set condition = key ~ " in (from " ~ differing ~ ")" -%}
    {{ return({
        "gone": condition, "come": "from " ~ made ~ " where " ~ condition
    }) }}
{%- endmacro %}


{% macro columns_of(table) -%}
    {%- set found = [] -%}
    {%- for row in run_query("describe " ~ table).rows -%}
        {%- do found.append(row[0] ~ " " ~ row[1]) -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}


{#- How many rows the largest of some tables has. -#}
{% macro largest_of(tables) -%}
    {%- set found = [] -%}
    {%- for table in tables.values() -%}
        {%- do found.append(rows_in(table.relation)) -%}
    {%- endfor -%}
    {{ return(found | max) }}
{%- endmacro %}


{#-
    Whether the lake still has a snapshot, so that what came after it can be told.
-#}
{% macro is_kept(snapshot) -%}
    {%- set found = run_query(
        "select count(*) from __ducklake_metadata_" ~ target.database
        ~ ".ducklake_snapshot where snapshot_id = " ~ snapshot
    ) -%}
    {{ return(found.columns[0].values()[0] == 1) }}
{%- endmacro %}


{#- The snapshot of the lake that this transaction sees. -#}
{% macro current_snapshot() -%}
    {%- set found = run_query(
        "select id from ducklake_current_snapshot('" ~ target.database ~ "')"
    ) -%}
    {{ return(found.columns[0].values()[0]) }}
{%- endmacro %}


{#-
    The keys of the rows that are to be made anew, and these with the other columns by which the first
    table is joined: two temporary tables, or one where there are no others.
-#}
{% macro changed_rows(tables, since, now) -%}
    {%- set first = tables.values() | first -%}
    {%- set columns, found = [first.column], [] -%}
    {%- for table in tables.values() -%}
        {%- set changes = changes_of(table, [table.column], since, now) -%}
        {%- do found.append(keys_of_rows(table, changes, tables)) -%}
        {%- if not table.through and table.column not in columns -%}
            {%- do columns.append(table.column) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do run_query(
        "create or replace temporary table " ~ temporary("keys") ~ " as ("
        ~ found | join(") union (") ~ ")"
    ) -%}
    {%- if columns == [first.column] -%}
        {{ return({"keys": temporary("keys"), "joined": temporary("keys")}) }}
    {%- endif -%}
    {%- do run_query(
        "create or replace temporary table " ~ temporary("joined") ~ " as"
        ~ " select distinct " ~ columns | join(", ")
        ~ " from " ~ first.relation
        ~ " where " ~ first.column ~ " in (from " ~ temporary("keys") ~ ")"
    ) -%}
    {{ return({"keys": temporary("keys"), "joined": temporary("joined")}) }}
{%- endmacro %}


{#-
    What a table was given, or lost, after one snapshot and up to another: some of its columns.
-#}
{% macro changes_of(table, columns, since, now) -%}
    {%- set where = [target.database] + name_of(table.node).split(".") -%}
    {%- set feeds = [] -%}
    {%- for feed in [
        "ducklake_table_insertions", "ducklake_table_deletions"
    ] -%}
        {%- do feeds.append(
            "select " ~ columns | join(", ") ~ " from " ~ feed
            ~ "('" ~ where | join("', '") ~ "', " ~ (since + 1) ~ ", " ~ now ~ ")"
        ) -%}
    {%- endfor -%}
    {{ return(feeds | join(" union all ")) }}
{%- endmacro %}


{#- The keys of the rows for which a table is read by one of these values. -#}
{% macro keys_of_rows(table, values, tables) -%}
    {%- set first = tables.values() | first -%}
    {%- if table.column == first.column -%}
        {{ return(values) }}
    {%- endif -%}
    {%- set between = tables[table.through] if table.through else first -%}
    {{ return(keys_of_rows(
        between,
        "select " ~ between.column ~ " from " ~ between.relation
        ~ " where " ~ table.column ~ " in (" ~ values ~ ")",
        tables
    )) }}
{%- endmacro %}


{#- By which values a table is read for the changed rows. -#}
{% macro values_of_rows(table, changed, tables) -%}
    {%- if not table.through -%}
        {{ return("select " ~ table.column ~ " from " ~ changed) }}
    {%- endif -%}
    {%- set between = tables[table.through] -%}
    {{ return(
        "select " ~ table.column ~ " from " ~ between.relation ~ " where " ~ between.column
        ~ " in (" ~ values_of_rows(between, changed, tables) ~ ")"
    ) }}
{%- endmacro %}


{#-
    The SQL of a model as it reads what the changed rows are made of, and no more. The views that it reads
    through stand in it, for a filter by keys does not go through the windows of a view.
-#}
{% macro sql_of_changed(sql, tables, changed) -%}
    {%- set written = [sql] -%}
    {%- for node in reached(model.depends_on.nodes)
        if node.config.get("materialized") == "view" and reads_any(node, tables) -%}
        {%- do written.append(
            written[-1].replace(node.relation_name, "(" ~ sql_of_view(node) ~ ")")
        ) -%}
    {%- endfor -%}
    {%- for table in tables.values() -%}
        {%- do written.append(written[-1].replace(
            table.relation,
            "(select * from " ~ table.relation ~ " where " ~ table.column ~ " in ("
            ~ values_of_rows(table, changed, tables) ~ "))"
        )) -%}
    {%- endfor -%}
    {{ return(written[-1]) }}
{%- endmacro %}


{#- As DuckLake has it, with the names that dbt gives to what it reads. -#}
{% macro sql_of_view(node) -%}
    {%- set metadata = "__ducklake_metadata_" ~ target.database -%}
    {%- set found = run_query(
        "select sql from " ~ metadata ~ ".ducklake_view as views inner join " ~ metadata
        ~ ".ducklake_schema as schemas on views.schema_id = schemas.schema_id"
        ~ " where views.end_snapshot is null and schemas.end_snapshot is null"
        ~ " and schema_name = '" ~ node.schema ~ "' and view_name = '" ~ node.alias ~ "'"
    ) -%}
    {%- set written = [found.columns[0].values()[0]] -%}
    {%- for below in reached(node.depends_on.nodes) -%}
        {%- do written.append(modules.re.sub(
            "\\{DUCKLAKE_CATALOG\\}\\." ~ name_of(below) ~ "\\b",
            below.relation_name,
            written[-1]
        )) -%}
    {%- endfor -%}
    {{ return(written[-1]) }}
{%- endmacro %}


{% macro reads_any(view, tables) -%}
    {%- set nodes = reached(view.depends_on.nodes) -%}
    {%- for node in nodes if name_of(node) in tables -%}
        {{ return(true) }}
    {%- endfor -%}
    {{ return(false) }}
{%- endmacro %}


{#- Tables of this connection, which hold what is found out for one model. -#}
{% macro temporary(name) -%}
    {{ return("temp." ~ this.identifier ~ "__" ~ name) }}
{%- endmacro %}


{% macro drop_temporary() -%}
    {%- for name in [
        "keys", "joined", "made", "changed", "groups", "now", "then"
    ] -%}
        {%- do run_query("drop table if exists " ~ temporary(name)) -%}
    {%- endfor -%}
{%- endmacro %}
