{#-
    Columns that count the URLs of a group: rows with one URL each, left joined with the CTE
    `urls_resolved`.
-#}
{% macro urls_counted() -%}
    count(*) as urls,
    count(*) filter (
        where urls_resolved.image_id is not null
    ) as urls_downloaded,
    count(*) filter (
        where urls_resolved.image_id is null
        and urls_resolved.url_id is not null
    ) as urls_failed,
    count(*) filter (
        where urls_resolved.outcome_kind = 'opt_out'
    ) as urls_opted_out,
    count(*) filter (where urls_resolved.is_rotten) as urls_rotten,
    count(*) filter (where urls_resolved.is_changed) as urls_changed
{%- endmacro %}
