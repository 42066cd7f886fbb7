with

listed as (

    select
        unnest([
            {% for rating in ratings() -%}
                {%- set keys = rating.key | join("', '") -%}
                {%- set rules = rating.rules | join("', '") -%}
                {
                    'kind': '{{ rating.kind }}',
                    'score': '{{ rating.score }}',
                    'label': '{{ rating.label }}',
                    'lowest': {{ rating.between[0] }}::float,
                    'highest': {{ rating.between[1] }}::float,
                    'table_name': '{{ rating.table }}',
                    'keys': ['{{ keys }}'],
                    'rules': ['{{ rules }}'],
                    'reason': '{{ rating.reason }}',
                    'hidden_above': {{ rating.hidden_above or 'null' }}::float,
                    'position': {{ loop.index }}
                }{{ '' if loop.last else ',' }}
            {% endfor -%}
        ]) as rating

),

ratings as (

    select
        rating.*,  -- noqa: RF01
        -- What is wanted of a score lies above its thresholds, or below them.
        if(rating.rules[1] similar to '(above|min)_.*', '>=', '<=')
            as comparison
    from listed

)

select * from ratings
