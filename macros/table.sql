{#-
    In place of dbt-duckdb's own: the old table goes and the new one comes in one transaction, where
    dbt renames and drops in two; where the new one fails, the old one is still there. DuckLake reads
    its whole catalog again after each transaction that changes it. A table is left alone whose SQL, and
    all that it reads, are as they were when it was made: its comment says of what that was (stamps.sql).
    `--full-refresh` makes it anew. A model asks with `changed_by` that only what has changed is made anew
    (changes.sql), with `compared_by` that only what has become another is written, and with `buckets_by`
    that it is made bucket by bucket (buckets.sql), which is no part of what it is made of.
-#}
{% materialization table, adapter="duckdb" %}
    {%- set relation = this.incorporate(type="table") -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set known = versions() -%}
    {%- set stamp = stamp_of(model, known) -%}
    {%- set noted =
        {} if should_full_refresh() else stamp_noted(existing, known)
    -%}
    {%- if
        noted.get("made_of") == stamp["made_of"]
        and copy_stands(relation, stamp)
    -%}
        {%- do note_again(relation, stamp, noted) -%}
        {%- do store_raw_result("main", message="UNCHANGED", code="UNCHANGED", rows_affected="0") -%}
        {{ return({"relations": [relation]}) }}
    {%- endif -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- do adapter.ensure_transaction() -%}
    {%- set snapshot = current_snapshot() -%}
    {%- set changed = what_changed(existing, noted, stamp, snapshot) -%}
    {%- if changed -%}
        {%- set so_far = known[name_of(relation)].split(":")[1] | int -%}
        {%- set written = so_far + write_changed(relation, changed) -%}
    {%- else -%}
        {%- set written =
            write_all(relation, existing, bucket_count(model, known))
        -%}
    {%- endif -%}
    {%- do note_stamp(relation, stamp, written, snapshot) -%}
    {%- if config.get("is_published") -%}
        {%- do publish(relation, stamp) -%}
    {%- endif -%}
    {%- if config.get("changed_by") or config.get("compared_by") -%}
        {%- do drop_temporary() -%}
    {%- endif -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do adapter.commit() -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({"relations": [relation]}) }}
{% endmaterialization %}


{#-
    All rows, bucket by bucket, in place of the old table; returns how many were written.
-#}
{% macro write_all(relation, existing, buckets) -%}
    {%- if existing is not none -%}
        {%- do adapter.drop_relation(existing) -%}
    {%- endif -%}
    {%- set statements = by_buckets(model.compiled_code, buckets) -%}
    {%- if buckets > 1 and worker_count() -%}
        {%- do make_by_workers(relation, statements) -%}
        {{ return(rows_in(relation)) }}
    {%- endif -%}
    {%- call statement("main") -%}
        {{ create_with(relation, statements[0]) }}
    {%- endcall -%}
    {%- for sql in statements[1:] -%}
        {%- call statement("bucket") -%}
            insert into {{ relation }} by name ({{ sql }})
        {%- endcall -%}
    {%- endfor -%}
    {{ return(rows_in(relation)) }}
{%- endmacro %}


{#-
    What has changed in place of what stands of it; returns how many rows were written.
-#}
{% macro write_changed(relation, changed) -%}
    {%- do run_query("delete from " ~ relation ~ " where " ~ changed.gone) -%}
    {%- set before = rows_in(relation) -%}
    {%- call statement("main") -%}
        insert into {{ relation }} by name ({{ changed.come }})
    {%- endcall -%}
    {{ return(rows_in(relation) - before) }}
{%- endmacro %}


{% macro create_with(relation, sql) -%}
    {{ create_table_as(
        False, relation, sql, "sql",
        partitioned_by=config.get("partitioned_by", []) | join(", ")
    ) }}
{%- endmacro %}
