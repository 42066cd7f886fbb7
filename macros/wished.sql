{#-
    What terms mean for the uses that they speak of: CTEs that end with `wishes`, one row per row of the CTE
    `said`, which must stand before it, and use. `key` is the column that says of what it was said.
-#}
{% macro meant(key) -%}
    wish_meanings as (

        select * from {{ ref('wish_meanings') }}

    ),

    wishes as (

        select
            said.{{ key }},
            wish_meanings.signal,
            wish_meanings.use,
            wish_meanings.says,
            said.evidence,
            said.heard_at
        from said
        inner join wish_meanings
            on
                said.property = wish_meanings.property
                and said.term = lower(wish_meanings.value)

    )
{%- endmacro %}


{#-
    What pictures say of themselves, each value as the term that it is, which may stand there as its URL:
    CTEs that end with `image_terms`. What a picture was made from says nothing of the picture.
-#}
{% macro image_terms() -%}
    image_rights as (

        select * from {{ ref('stg_raw__image_rights') }}

    ),

    image_terms as (

        select
            *,
            lower(regexp_extract(value, '[^/#]*$')) as term
        from image_rights
        where carrier != 'c2pa_ingredient'

    )
{%- endmacro %}


{#-
    What is said of the use of what has a key, such as an image or its URL, by the CTE `wishes`, which must
    stand before it: CTEs that end with `wished`. Whoever refuses a use wins, and one that refuses is enough
    to say why.
-#}
{% macro wished(key) -%}
    by_use as (

        select
            {{ key }},
            use,
            min(signal) filter (where says = 'disallow') as refusing,
            bool_or(says = 'allow') as is_allowed
        from wishes
        group by {{ key }}, use

    ),

    wished as (

        select
            {{ key }},
            map_from_entries(
                list((use, refusing) order by use) filter (
                    where refusing is not null
                )
            ) as refused_uses,
            list(use order by use) filter (
                where refusing is null and is_allowed
            ) as allowed_uses
        from by_use
        group by {{ key }}

    )
{%- endmacro %}


{#- What two of picture, URL and pages refuse, each use with its signal. -#}
{% macro refused_uses(one, other) -%}
    case
        when {{ one }}.refused_uses is null then {{ other }}.refused_uses
        when {{ other }}.refused_uses is null then {{ one }}.refused_uses
        else map_concat({{ one }}.refused_uses, {{ other }}.refused_uses)
    end
{%- endmacro %}


{#- What one of them allows; where the other refuses it, that wins. -#}
{% macro allowed_uses(one, other) -%}
    case
        when {{ one }}.allowed_uses is null then {{ other }}.allowed_uses
        when {{ other }}.allowed_uses is null then {{ one }}.allowed_uses
        else list_sort(list_distinct(
            list_concat({{ one }}.allowed_uses, {{ other }}.allowed_uses)
        ))
    end
{%- endmacro %}
