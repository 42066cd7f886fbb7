{#-
    In place of dbt's own: the old table goes and the new one comes in one transaction, with whatever
    columns the file has now; where the file cannot be read, the old one is still there. DuckDB guesses
    nothing, so that it names the line that is wrong.
-#}
{% materialization seed, adapter="duckdb" %}
    {%- set relation = this.incorporate(type="table") -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set found = load_agate_table() -%}
    {%- set declared = model.config.column_types -%}
    {%- set columns = {} -%}
    {%- for name in found.column_names -%}
        {%- do columns.update({name: declared.get(name, adapter.convert_type(found, loop.index0))}) -%}
    {%- endfor -%}
    {%- for name in declared if name not in columns -%}
        {{ exceptions.raise_compiler_error(
            model.original_file_path ~ " has no column " ~ name ~ ", which models/_seeds.yml gives a "
            ~ "type: put it back into the first line, or take it out there too."
        ) }}
    {%- endfor -%}
    {#- `dbt seed --show` shows it. -#}
    {%- do store_result("agate_table", response="OK", agate_table=found) -%}

    {%- set typed = "auto_detect = false, columns = " ~ columns -%}
    {%- set rows = seed_rows(model, typed) -%}
    {%- set comment = seed_stamp(model) -%}
    {%- if existing is not none and holds(existing, rows, comment) -%}
        {%- do store_raw_result("main", message="UNCHANGED", code="UNCHANGED", rows_affected="0") -%}
        {{ return({"relations": [relation]}) }}
    {%- endif -%}
    {%- do adapter.ensure_transaction() -%}
    {%- if existing is not none -%}
        {%- do adapter.drop_relation(existing) -%}
    {%- endif -%}
    {%- call statement("main") -%}
        create table {{ relation }} as {{ rows }};
        comment on table {{ relation }} is '{{ comment }}';
    {%- endcall -%}
    {%- do adapter.commit() -%}
    {{ return({"relations": [relation]}) }}
{% endmaterialization %}


{#- Whether a seed is loaded of this file, and as it was loaded. -#}
{% macro holds(seed, rows, comment) -%}
    {%- set noted = versions().get(name_of(seed), "").split(":")[0] -%}
    {%- if noted != comment -%}
        {{ return(false) }}
    {%- endif -%}
    {%- set hashed = "select (count(*), bit_xor(hash(seed))) from " -%}
    {%- set found = run_query(
        "select (" ~ hashed ~ seed ~ " as seed) = (" ~ hashed ~ "(" ~ rows ~ ") as seed)"
    ) -%}
    {{ return(found.columns[0].values()[0]) }}
{%- endmacro %}


{#-
    `dbt run` loads no seeds; a lake without them, or with one of another file, gets them all the same.
-#}
{% macro seeds_for_run() -%}
    {% if execute and flags.WHICH == "run" -%}
        {%- set known = versions() -%}
        {% for seed in graph.nodes.values() if seed.resource_type == "seed" %}
            {%- set stamp = seed_stamp(seed) -%}
            {%- if known.get(name_of(seed), "").split(":")[0] != stamp %}
                create schema if not exists {{ seed.database }}.{{ seed.schema }};
                create or replace table {{ seed.relation_name }} as
                {{ seed_rows(seed, "types = " ~ seed.config.column_types) }};
                comment on table {{ seed.relation_name }} is '{{ stamp }}';
            {%- endif -%}
        {% endfor %}
    {%- endif %}
{%- endmacro %}


{#-
    Of what a seed is made: the md5 of its file, and of the types of its columns.
-#}
{% macro seed_stamp(seed) -%}
    {%- set found = run_query(
        "select md5(content) from read_blob('" ~ seed_file(seed) ~ "')"
    ) -%}
    {%- set content = found.columns[0].values()[0] -%}
    {{ return(local_md5(content ~ seed.config.column_types)) }}
{%- endmacro %}


{% macro seed_file(seed) -%}
    {%- set file = seed.root_path ~ "/" ~ seed.original_file_path -%}
    {{ return(file | replace("'", "''")) }}
{%- endmacro %}


{% macro seed_rows(seed, columns) -%}
    from read_csv(
        '{{ seed_file(seed) }}',
        header = true, delim = ',', quote = '"', escape = '"', {{ columns }}
    )
{%- endmacro %}
