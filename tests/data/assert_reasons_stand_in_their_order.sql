-- The reasons of a pair stand as the list of all has them, each once.
with

reason_lists as (

    select distinct drop_reasons from {{ ref('int_pairs_judged') }}

),

reasons as (

    select
        drop_reasons,
        unnest(drop_reasons) as reason,
        generate_subscripts(drop_reasons, 1) as place
    from reason_lists

),

placed as (

    select
        reasons.drop_reasons,
        reasons.reason,
        listed.position,
        lag(listed.position) over (
            partition by reasons.drop_reasons order by reasons.place
        ) as position_before
    from reasons
    left join {{ ref('drop_reasons') }} as listed
        on reasons.reason = listed.reason

)

select
    drop_reasons,
    reason
from placed
where position is null or position <= position_before
