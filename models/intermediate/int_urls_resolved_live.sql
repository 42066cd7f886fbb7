with

downloads as (

    select * from {{ ref('stg_raw__downloads') }}

),

download_outcomes as (

    select * from {{ ref('download_outcomes') }}

),

summarised as (

    select
        url_id,
        arg_max(
            { 'outcome': outcome, 'attempted_at': attempted_at },
            (attempted_at, landed_at, attempt_id)
        ) as latest,
        arg_max(
            { 'image_id': image_id, 'attempted_at': attempted_at },
            (attempted_at, landed_at, attempt_id)
        ) filter (where outcome = 'ok') as latest_ok,
        min(image_id) filter (where outcome = 'ok')
        != max(image_id) filter (where outcome = 'ok') as is_changed
    from downloads
    group by url_id

),

-- Attempts since the image arrived last; one that was postponed was none.
attempts_since as (

    select
        downloads.url_id,
        count(*) as attempts
    from downloads
    inner join summarised on downloads.url_id = summarised.url_id
    where
        summarised.latest['outcome'] != 'ok'
        and downloads.outcome != 'postponed'
        and downloads.attempted_at
        > coalesce(summarised.latest_ok['attempted_at'], '-infinity')
    group by downloads.url_id

),

urls_resolved_live as (

    select
        summarised.url_id,
        summarised.latest_ok['image_id'] as image_id,
        summarised.latest_ok['attempted_at'] as downloaded_at,
        summarised.latest['outcome'] as outcome,
        summarised.latest['attempted_at'] as attempted_at,
        download_outcomes.kind as outcome_kind,
        download_outcomes.retry_hours,
        coalesce(attempts_since.attempts, 0) as attempts,
        coalesce(summarised.is_changed, false) as is_changed,
        summarised.latest_ok is not null and (
            download_outcomes.kind = 'final'
            or (
                download_outcomes.kind = 'transient'
                and attempts_since.attempts >= {{ var('fetch_attempts') }}
            )
        ) as is_rotten
    from summarised
    left join attempts_since on summarised.url_id = attempts_since.url_id
    left join download_outcomes
        on summarised.latest['outcome'] = download_outcomes.outcome

)

select * from urls_resolved_live
