with

downloads as (

    select * from {{ ref('stg_raw__downloads') }}

),

-- A number for each outcome: an aggregate's texts would stay in memory.
download_outcomes as (

    select
        *,
        row_number() over (order by outcome)::utinyint as outcome_number
    from {{ ref('download_outcomes') }}

),

numbered as (

    select
        downloads.url_id,
        downloads.attempted_at,
        downloads.outcome,
        downloads.image_id,
        download_outcomes.outcome_number
    from downloads
    left join download_outcomes
        on downloads.outcome = download_outcomes.outcome

),

-- No two attempts of a URL began at the same time, so that order is total.
-- An outcome that is not listed is as good as `unexpected`.
summarised as (

    select
        url_id,
        max(attempted_at) as attempted_at,
        arg_max(coalesce(outcome_number, 0), attempted_at) as outcome_number,
        max(attempted_at) filter (where outcome = 'ok') as downloaded_at,
        arg_max(image_id, attempted_at) filter (
            where outcome = 'ok'
        ) as image_id,
        min(image_id) filter (where outcome = 'ok')
        < max(image_id) filter (where outcome = 'ok') as is_changed
    from numbered
    group by url_id

),

resolved as (

    select
        summarised.url_id,
        summarised.attempted_at,
        summarised.downloaded_at,
        summarised.image_id,
        summarised.is_changed,
        coalesce(download_outcomes.outcome, 'unexpected') as outcome
    from summarised
    left join download_outcomes
        on summarised.outcome_number = download_outcomes.outcome_number

),

-- Attempts since the image arrived last; one that was postponed was none.
attempts_since as (

    select
        downloads.url_id,
        count(*) as attempts
    from downloads
    inner join resolved on downloads.url_id = resolved.url_id
    where
        resolved.outcome != 'ok'
        and downloads.outcome != 'postponed'
        and downloads.attempted_at
        > coalesce(resolved.downloaded_at, '-infinity')
    group by downloads.url_id

),

urls_resolved_live as (

    select
        resolved.url_id,
        resolved.image_id,
        resolved.downloaded_at,
        resolved.outcome,
        resolved.attempted_at,
        download_outcomes.kind as outcome_kind,
        download_outcomes.retry_hours,
        coalesce(attempts_since.attempts, 0) as attempts,
        coalesce(resolved.is_changed, false) as is_changed,
        resolved.downloaded_at is not null and (
            download_outcomes.kind = 'final'
            or (
                download_outcomes.kind = 'transient'
                and attempts_since.attempts >= {{ var('fetch_attempts') }}
            )
        ) as is_rotten
    from resolved
    left join attempts_since on resolved.url_id = attempts_since.url_id
    left join download_outcomes
        on resolved.outcome = download_outcomes.outcome

)

select * from urls_resolved_live
