{#-
    Writes the Parquet copy of a mart with types that pandas, polars, Spark and
    Hugging Face's datasets read alike: an id or a hash is its hexadecimal
    digits, in small letters and without dashes. It is written before its table
    is committed: what is cut off between the two is made again. The names of
    its files say of what the table was made.
-#}
{% macro publish(relation, stamp) -%}
    {%- set written = [] -%}
    {%- for column in adapter.get_columns_in_relation(relation) -%}
        {%- set as_text = {
            "UUID": "replace(" ~ column.name ~ "::varchar, '-', '')",
            "BLOB": "lower(hex(" ~ column.name ~ "))",
        } -%}
        {%- do written.append(
            as_text.get(column.dtype, column.name) ~ " as " ~ column.name
        ) -%}
    {%- endfor -%}
    {%- do run_query(
        "copy (select " ~ written | join(", ") ~ " from " ~ relation ~ ")"
        ~ " to (" ~ place_of_copy(relation) ~ ") (format parquet, partition_by ("
        ~ config.require("partitioned_by") | join(", ") ~ "), overwrite true,"
        ~ " filename_pattern '" ~ stamp["made_of"] ~ "_{i}')"
    ) -%}
{%- endmacro %}


{#-
    Whether the copy is of the table as it stands, which after a restore is an older one; somebody may
    have taken it away, too.
-#}
{% macro copy_stands(relation, stamp) -%}
    {%- if not config.get("is_published") -%}
        {{ return(true) }}
    {%- endif -%}
    {%- set found = run_query(
        "select coalesce(bool_and(contains(file, '" ~ stamp["made_of"] ~ "')), "
        ~ rows_in(relation) ~ " = 0) from glob("
        ~ place_of_copy(relation) ~ " || '/*/*.parquet')"
    ) -%}
    {{ return(found.columns[0].values()[0]) }}
{%- endmacro %}


{% macro place_of_copy(relation) -%}
    {{ return("getvariable('published') || '/" ~ relation.identifier ~ "'") }}
{%- endmacro %}
