with

download_outcomes as (

    select * from {{ ref('download_outcomes') }}

),

-- No dataset is for crawling: for what may not be asked for there are reasons
-- of their own.
wishes as (

    select distinct
        signal,
        use
    from {{ ref('wish_meanings') }}
    where
        says = 'disallow'
        and use != 'crawl'

),

listed as (

    select
        unnest([
            {% for each in drop_reasons() -%}
                {%- set outcomes = (each.outcomes or []) | join("', '") -%}
                {
                    'reason': '{{ each.reason }}',
                    'outcomes': ['{{ outcomes }}'],
                    'is_of_use': {{ each.is_of_use or false }},
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

-- Of a download there is one for each outcome, of wishes for each use.
drop_reasons as (

    select
        concat(
            reasons.reason,
            download_outcomes.outcome,
            wishes.signal || '_' || wishes.use
        ) as reason,
        reasons.kind,
        concat_ws(
            ': ',
            reasons.meaning,
            coalesce(download_outcomes.meaning, wishes.use)
        ) as meaning,
        row_number() over (
            order by
                reasons.place,
                download_outcomes.outcome,
                wishes.signal,
                wishes.use
        ) as position
    from reasons
    left join download_outcomes
        on list_contains(reasons.outcomes, download_outcomes.kind)
    left join wishes on reasons.is_of_use

)

select * from drop_reasons
