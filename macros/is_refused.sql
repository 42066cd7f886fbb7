{#-
    Whether others than the recipe keep a pair out, and before it, whatever it says: its domain is
    blocked, or its site has opted out. `outcomes` is download_outcomes, joined by the reason.
-#}
{% macro is_refused(drop_reason, outcomes) -%}
    coalesce(
        {{ drop_reason }} = 'blocked_domain' or {{ outcomes }}.kind = 'opt_out',
        false
    )
{%- endmacro %}
