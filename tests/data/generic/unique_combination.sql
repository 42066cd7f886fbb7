{#- No two rows agree in all of these columns; nulls agree with one another. -#}
{% test unique_combination(model, columns) %}
    select
        {{ columns | join(', ') }},
        count(*) as copies
    from {{ model }}
    group by all
    having count(*) > 1
{% endtest %}
