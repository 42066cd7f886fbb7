{#-
    In place of dbt-duckdb's own: the old table goes and the new one comes in one transaction, where
    dbt renames and drops in two; where the new one fails, the old one is still there. DuckLake reads
    its whole catalog again after each transaction that changes it. A table is left alone whose SQL,
    and all that it reads, are as they were when it was made: its comment says of what that was, and how
    many rows it got. `--full-refresh` makes it anew. A model that asks with `buckets_by` is made bucket by
    bucket (buckets.sql), which is no part of what it is made of.
-#}
{% materialization table, adapter="duckdb" %}
    {%- set relation = this.incorporate(type="table") -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set known = versions() -%}
    {%- set stamp = stamp_of(model, known) -%}
    {%- if stands(existing, stamp, known) and not should_full_refresh() -%}
        {%- do store_raw_result("main", message="UNCHANGED", code="UNCHANGED", rows_affected="0") -%}
        {{ return({"relations": [relation]}) }}
    {%- endif -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- do adapter.ensure_transaction() -%}
    {%- if existing is not none -%}
        {%- do adapter.drop_relation(existing) -%}
    {%- endif -%}
    {%- set count = bucket_count(model, known) -%}
    {%- set statements = by_buckets(compiled_code, count) -%}
    {%- if count > 1 and worker_count() -%}
        {%- do make_by_workers(relation, statements) -%}
    {%- else -%}
        {%- call statement("main") -%}
            {{ create_table_as(False, relation, statements[0], "sql") }}
        {%- endcall -%}
        {%- for sql in statements[1:] -%}
            {%- call statement("bucket") -%}
                insert into {{ relation }} by name ({{ sql }})
            {%- endcall -%}
        {%- endfor -%}
    {%- endif -%}
    {%- do note_stamp(relation, stamp) -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do adapter.commit() -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({"relations": [relation]}) }}
{% endmaterialization %}
