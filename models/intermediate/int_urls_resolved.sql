with

downloads as (

    select * from {{ ref('stg_raw__downloads') }}

),

summarised as (

    select
        url_id,
        count(*) as attempts,
        arg_max(
            { 'outcome': outcome, 'attempted_at': attempted_at },
            (attempted_at, landed_at, attempt_id)
        ) as latest,
        arg_max(
            { 'image_id': image_id, 'attempted_at': attempted_at },
            (attempted_at, landed_at, attempt_id)
        ) filter (where outcome = 'ok') as latest_ok
    from downloads
    group by url_id

),

urls_resolved as (

    select
        url_id,
        attempts,
        latest_ok['image_id'] as image_id,
        latest_ok['attempted_at'] as downloaded_at,
        latest['outcome'] as outcome,
        latest['attempted_at'] as attempted_at
    from summarised

)

select * from urls_resolved
