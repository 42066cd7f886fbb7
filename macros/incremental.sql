{#-
    Crawl files that an incremental model has not taken in yet; all of them where
    it is built anew.
-#}
{% macro crawl_files_to_read() -%}
    select crawl_files_landed.*
    from {{ ref('int_crawl_files_landed') }} as crawl_files_landed
    {%- if is_incremental() %}
        anti join {{ taken_in(this) }} as taken_in
            on
                crawl_files_landed.attempt_id = taken_in.attempt_id
                and crawl_files_landed.crawl_id = taken_in.crawl_id
                and crawl_files_landed.path = taken_in.path
    {%- endif %}
{%- endmacro %}


{#-
    Of first landings, those of pairs that are new, or that stand with a later one.
-#}
{% macro anti_join_of_earlier(
    landings, order=['crawl_landed_at', 'crawl_id', 'path']
) -%}
    {%- if is_incremental() %}
        anti join {{ this }} as standing
            on
                {{ landings }}.pair_id = standing.pair_id
                and (standing.{{ order | join(', standing.') }})
                <= ({{ landings }}.{{ order | join(', ' ~ landings ~ '.') }})
    {%- endif %}
{%- endmacro %}


{#-
    The crawl files that an incremental model has taken in: a table beside it.
-#}
{% macro taken_in(relation) -%}
    {{ relation.incorporate(
        path={'identifier': relation.identifier ~ '__crawl_files'}
    ) }}
{%- endmacro %}


{% macro note_taken_in() -%}
    create or replace table {{ taken_in(this) }} as
    select * from {{ ref('int_crawl_files_landed') }}
{%- endmacro %}


{#- Of which SQL a table is made, as its comment. -#}
{% macro note_version() -%}
    comment on table {{ this }} is '{{ version(model) }}'
{%- endmacro %}


{#-
    The md5 of a model's SQL as it is written, with the macros that it calls: what
    they come to is another when the table is made than later. And of the columns
    that its contract has: those of the ratings do not stand in the SQL.
-#}
{% macro version(node) -%}
    {%- set columns = '' -%}
    {%- if node.config.contract.enforced -%}
        {%- set columns = node.columns | list -%}
    {%- endif -%}
    {%- set called = called_macros(node.depends_on.macros) -%}
    {{ return(local_md5(node.raw_code ~ columns ~ called.values() | join)) }}
{%- endmacro %}


{#- Of macros by their ids and of all that they call, ours, the SQL. -#}
{% macro called_macros(ids) -%}
    {%- set found = {} -%}
    {%- for id in ids | sort if id.startswith("macro." ~ project_name ~ ".") -%}
        {%- set macro = context[id.split(".")[2]].macro -%}
        {%- do found.update({id: macro.macro_sql}) -%}
        {%- do found.update(called_macros(macro.depends_on.macros)) -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}


{#-
    Before a build: an incremental table of other SQL than today's is dropped, and
    one that has taken in a crawl file which counts no more, or elsewhere in the
    order, is emptied. Both are built anew.
-#}
{% macro renew_incremental() -%}
    {% if execute and flags.WHICH in ("run", "build") -%}
        {%- set known = versions() -%}
        {% for node in graph.nodes.values() if
            node.config.materialized == "incremental"
            and node.unique_id in selected_resources -%}
            {%- set table = load_relation(api.Relation.create(
                database=node.database, schema=node.schema, identifier=node.alias
            )) -%}
            {%- if table is not none -%}
                {%- set made = known.get(name_of(table), "").split(":")[0] -%}
                {{ _renew(table, made == version(node)) }}
            {%- endif -%}
        {%- endfor %}
    {%- endif %}
{%- endmacro %}


{% macro _renew(table, is_ours) -%}
    {%- if not is_ours -%}
        {%- do adapter.drop_relation(table) -%}
    {%- elif load_relation(table.incorporate(
        path={"identifier": table.identifier ~ "__crawl_files"}
    )) is not none -%}
        {%- set lost = run_query(
            "select count(*) from " ~ taken_in(table) ~ " as taken_in anti join "
            ~ table.database ~ ".intermediate.int_crawl_files_landed as landed"
            ~ " using (attempt_id, crawl_id, path, crawl_landed_at)"
        ).columns[0].values()[0] -%}
        {%- if lost > 0 %}
            delete from {{ table }};
            delete from {{ taken_in(table) }};
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
