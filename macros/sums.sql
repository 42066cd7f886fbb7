{#-
    Of a table of sums, `pairs` among them: what stands, less what the rows that have changed came to
    before, and what they come to now. It is made of two tables: the first is counted, where rows that share
    one of `counted_together` are counted together, so that all of them are counted again; the second says
    for which of `sums_by`, and those that have changed there are counted anew.
-#}
{% macro sums_that_changed(tables, since, now) -%}
    {%- set counted, grouped = tables.values() | list -%}
    {%- set by = config.get("sums_by") -%}
    {%- set others = temporary("groups") -%}
    {%- do run_query(
        "create or replace temporary table " ~ others ~ " as"
        ~ " select distinct * from ("
        ~ changes_of(grouped, [by], since, now) ~ ")"
    ) -%}
    {%- set changed = temporary("changed") -%}
    {%- set keys = config.get("counted_together") -%}
    {%- do run_query(
        "create or replace temporary table " ~ changed ~ " as"
        ~ " select distinct * from ("
        ~ changes_of(counted, keys, since, now) ~ ")"
    ) -%}
    {%- if rows_in(changed) * 3 > rows_in(counted.relation)
        or rows_in(others) * 3 > rows_in(grouped.relation) -%}
        {{ return(none) }}
    {%- endif -%}

    {#- A row that is as it was shares now what it shared then. -#}
    {%- set shared = [] -%}
    {%- for key in keys -%}
        {%- do shared.append(
            key ~ " in (select " ~ key ~ " from " ~ changed ~ ")"
        ) -%}
    {%- endfor -%}
    {%- do run_query(
        "create or replace temporary table " ~ temporary("keys") ~ " as"
        ~ " select " ~ counted.column ~ " from " ~ changed
        ~ " union select " ~ counted.column ~ " from " ~ counted.relation
        ~ " where " ~ shared | join(" or ")
    ) -%}
    {%- set then = counted.relation ~ " at (version => " ~ since ~ ")" -%}
    {%- set is_same = by ~ " not in (from " ~ others ~ ")" -%}
    {%- set sql = model.compiled_code.replace(
        grouped.relation,
        "(from " ~ grouped.relation ~ " where " ~ is_same ~ ")"
    ) -%}
    {%- set sums, less = [], [] -%}
    {%- set columns = adapter.get_columns_in_relation(this) -%}
    {%- for column in columns if column.name != by -%}
        {%- do sums.append("sum(" ~ column.name ~ ") as " ~ column.name) -%}
        {%- do less.append("-" ~ column.name ~ " as " ~ column.name) -%}
    {%- endfor -%}
    {%- set parts = ["(from " ~ this ~ " where " ~ is_same ~ ")"] -%}
    {%- for name, rows, columns in [
        ("now", counted.relation, "*"),
        ("then", then, by ~ ", " ~ less | join(", ")),
    ] -%}
        {#- Side by side: a query reckons with 2,000 rows at once. -#}
        {%- do run_query(
            "create or replace temporary table " ~ temporary(name)
            ~ " as from " ~ rows ~ " where " ~ counted.column
            ~ " in (from " ~ temporary("keys") ~ ")"
        ) -%}
        {%- do parts.append(
            "(select " ~ columns
            ~ " from (" ~ sql.replace(counted.relation, temporary(name)) ~ "))"
        ) -%}
    {%- endfor -%}
    {%- do parts.append("(" ~ model.compiled_code.replace(
        grouped.relation,
        "(from " ~ grouped.relation ~ " where not " ~ is_same ~ ")"
    ) ~ ")") -%}
    {%- set made = temporary("made") -%}
    {%- do run_query(
        "create or replace temporary table " ~ made ~ " as"
        ~ " select " ~ by ~ ", " ~ sums | join(", ")
        ~ " from (" ~ parts | join(" union all by name ") ~ ")"
        ~ " group by " ~ by ~ " having sum(pairs) > 0"
    ) -%}
    {{ return({"gone": "true", "come": "from " ~ made}) }}
{%- endmacro %}
