{#-
    One row per key: the first that went well, else the first failure, of which one
    for want of pixels comes last.
-#}
{% macro first_success(key) -%}
    qualify row_number() over (
        partition by {{ key }}
        order by
            outcome = 'ok' desc,
            outcome = 'pixels_missing' asc,
            landed_at asc,
            attempt_id asc
    ) = 1
{%- endmacro %}
