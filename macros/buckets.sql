{#-
    Where an input is read: the rows of the bucket that is being made, by a column of the input. It is
    true, and a mark that `by_buckets` replaces where the model's buckets go by that key.
-#}
{% macro in_bucket(key) -%}
    true /* in the bucket of {{ key }} */
{%- endmacro %}


{#-
    The SQL of a model once for each of its buckets, which are even ranges of its key: all our keys are
    digests. What has no key goes with the first. As they are ranges, what one model writes by buckets
    the next one by the same key finds in files of its own.
-#}
{% macro by_buckets(sql, count) -%}
    {%- set key = config.get("buckets_by") -%}
    {%- set mark = in_bucket(key) -%}
    {%- set bounds = [] -%}
    {%- for bucket in range(1, count) -%}
        {%- set digits = "%08x" % (bucket * 2 ** 32 // count) -%}
        {%- do bounds.append(
            "'" ~ digits ~ "-0000-0000-0000-000000000000'::uuid"
        ) -%}
    {%- endfor -%}
    {%- set statements = [] -%}
    {%- for bucket in range(count) -%}
        {%- if count == 1 -%}
            {%- set share = "true" -%}
        {%- elif loop.first -%}
            {%- set share = "(" ~ key ~ " < " ~ bounds[0] ~ " or " ~ key ~ " is null)" -%}
        {%- elif loop.last -%}
            {%- set share = key ~ " >= " ~ bounds[-1] -%}
        {%- else -%}
            {%- set share =
                key ~ " >= " ~ bounds[bucket - 1] ~ " and " ~ key ~ " < " ~ bounds[bucket]
            -%}
        {%- endif -%}
        {%- do statements.append(sql.replace(mark, share)) -%}
    {%- endfor -%}
    {{ return(statements) }}
{%- endmacro %}


{#-
    As many as the memory limit asks for: the rows of the largest table that the model reads, as the
    catalog has counted them, by the bytes that each takes (`bucket_bytes`, as measured: docs/scale.md).
-#}
{% macro bucket_count(model, known) -%}
    {%- if not config.get("buckets_by") -%}
        {{ return(1) }}
    {%- endif -%}
    {%- set written = [0] -%}
    {%- for node in reached(model.depends_on.nodes) -%}
        {%- set stamp = known.get(name_of(node), "::0") -%}
        {%- do written.append(stamp.split(":")[2] | int) -%}
    {%- endfor -%}
    {%- set each = var("bucket_bytes") or config.require("bucket_bytes") -%}
    {%- set counted = run_query(
        "select ceil(" ~ (written | max) * each ~ "::double"
        ~ " / parse_formatted_bytes(current_setting('memory_limit')))::integer"
    ) -%}
    {{ return(for_workers([counted.columns[0].values()[0], 1] | max)) }}
{%- endmacro %}
