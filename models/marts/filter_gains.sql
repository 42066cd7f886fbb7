with

pairs_judged as (

    select * from {{ ref('int_pairs_judged') }}
    where drop_reason is not null

),

-- Lists of reasons are few, so that only these few are taken apart.
reason_lists as (

    select
        drop_reasons,
        count(*) as pairs,
        count(image_id) as pairs_with_image
    from pairs_judged
    group by drop_reasons

),

reasons as (

    select
        *,
        unnest(drop_reasons) as reason
    from reason_lists

),

counted as (

    select
        reason,
        sum(pairs) filter (where drop_reasons[1] = reason) as pairs_first,
        sum(pairs) as pairs,
        sum(pairs) filter (where len(drop_reasons) = 1) as pairs_only,
        sum(pairs_with_image) filter (
            where len(drop_reasons) = 1
        ) as pairs_only_with_image
    from reasons
    group by reason

),

filter_gains as (

    select
        reason,
        coalesce(pairs_first, 0)::bigint as pairs_first,
        pairs::bigint as pairs,
        coalesce(pairs_only, 0)::bigint as pairs_only,
        coalesce(pairs_only_with_image, 0)::bigint as pairs_only_with_image
    from counted

)

select * from filter_gains
