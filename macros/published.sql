{#-
    Writes the Parquet copy of a mart with types that pandas, polars, Spark and
    Hugging Face's datasets read alike: an id or a hash is its hexadecimal
    digits, in small letters and without dashes. It is written before its table
    is committed: what is cut off between the two is made again.
-#}
{%- macro published(relation, name, partition_by) -%}
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
    copy (select {{ written | join(", ") }} from {{ relation }})
    to (getvariable('published') || '/{{ name }}')
    (format parquet, partition_by ({{ partition_by }}), overwrite true)
{%- endmacro -%}
