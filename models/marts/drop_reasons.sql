with

download_outcomes as (

    select * from {{ ref('download_outcomes') }}

),

listed as (

    select
        unnest([
            {% for each in drop_reasons() -%}
                {%- set outcomes = (each.outcomes or []) | join("', '") -%}
                {
                    'reason': '{{ each.reason }}',
                    'outcomes': ['{{ outcomes }}'],
                    'kind': '{{ each.kind }}',
                    'meaning': '{{ each.meaning | replace("'", "''") }}',
                    'place': {{ loop.index }}
                }{{ '' if loop.last else ',' }}
            {% endfor -%}
        ]) as reason

),

reasons as (

    select reason.* from listed  -- noqa: RF01

),

-- Of a download there is one for each outcome.
drop_reasons as (

    select
        concat(reasons.reason, download_outcomes.outcome) as reason,
        reasons.kind,
        concat_ws(': ', reasons.meaning, download_outcomes.meaning) as meaning,
        row_number() over (order by reasons.place, download_outcomes.outcome)
            as position
    from reasons
    left join download_outcomes
        on list_contains(reasons.outcomes, download_outcomes.kind)

)

select * from drop_reasons
