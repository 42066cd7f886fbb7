{#-
    The host of a URL as the fetcher connects to it: no user, port or last dot. In Python it is
    host_of in lake/domains.py, to which a test holds it.
-#}
{% macro host_of(url) -%}
    rtrim(lower(regexp_extract(
        {{ url }}, '^[^/?#]*//(?:[^/?#]*@)?(\[[^\]]*\]|[^/?#:]*)', 1
    )), '.')
{%- endmacro %}
