{#-
    In place of dbt-duckdb's own: a view whose SQL is as before is left alone, and a new one takes
    one transaction. DuckLake reads its whole catalog again after each change of it, so that to
    create every view anew takes most of a build. The comment of a view is the md5 of its SQL.
-#}
{% materialization view, adapter="duckdb" %}
    {%- set relation = this.incorporate(type="view") -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set stamp = local_md5(sql) -%}
    {%- set stored = run_query(
        "select comment from duckdb_views() where database_name = '" ~ this.database
        ~ "' and schema_name = '" ~ this.schema ~ "' and view_name = '" ~ this.identifier ~ "'"
    ).columns[0].values() -%}

    {%- if existing is not none and not existing.is_view -%}
        {%- do adapter.ensure_transaction() -%}
        {%- do adapter.drop_relation(existing) -%}
    {%- endif -%}

    {%- if stamp in stored -%}
        {%- do store_raw_result("main", message="UNCHANGED", code="UNCHANGED", rows_affected="0") -%}
    {%- else -%}
        {%- if config.get("contract").enforced -%}
            {{ get_assert_columns_equivalent(sql) }}
        {%- endif -%}
        {%- call statement("main") -%}
            create or replace view {{ relation }} as (
                {{ sql }}
            );
            comment on view {{ relation }} is '{{ stamp }}';
        {%- endcall -%}
    {%- endif -%}

    {%- do adapter.commit() -%}
    {{ return({"relations": [relation]}) }}
{% endmaterialization %}
