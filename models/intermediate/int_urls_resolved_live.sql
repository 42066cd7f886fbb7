with

downloads as (

    select * from {{ ref('stg_raw__downloads') }}

),

download_outcomes as (

    select * from {{ ref('download_outcomes') }}

),

-- No two attempts of a URL began at the same time, so that order is total.
summarised as (

    select
        url_id,
        max(attempted_at) as attempted_at,
        arg_max(outcome, attempted_at) as outcome,
        max(attempted_at) filter (where outcome = 'ok') as downloaded_at,
        arg_max(image_id, attempted_at) filter (
            where outcome = 'ok'
        ) as image_id,
        min(image_id) filter (where outcome = 'ok')
        < max(image_id) filter (where outcome = 'ok') as is_changed
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
        summarised.outcome != 'ok'
        and downloads.outcome != 'postponed'
        and downloads.attempted_at
        > coalesce(summarised.downloaded_at, '-infinity')
    group by downloads.url_id

),

urls_resolved_live as (

    select
        summarised.url_id,
        summarised.image_id,
        summarised.downloaded_at,
        summarised.outcome,
        summarised.attempted_at,
        download_outcomes.kind as outcome_kind,
        download_outcomes.retry_hours,
        coalesce(attempts_since.attempts, 0) as attempts,
        coalesce(summarised.is_changed, false) as is_changed,
        summarised.downloaded_at is not null and (
            download_outcomes.kind = 'final'
            or (
                download_outcomes.kind = 'transient'
                and attempts_since.attempts >= {{ var('fetch_attempts') }}
            )
        ) as is_rotten
    from summarised
    left join attempts_since on summarised.url_id = attempts_since.url_id
    left join download_outcomes
        on summarised.outcome = download_outcomes.outcome

)

select * from urls_resolved_live
