with

downloads as (

    select * from {{ ref('stg_raw__downloads') }}

),

-- A number for each outcome: an aggregate's texts would stay in memory.
download_outcomes as (

    select
        *,
        row_number() over (order by outcome)::integer as outcome_number
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
-- An outcome that is not listed is as good as `failed`.
summarised as (

    select
        url_id,
        max(attempted_at) as attempted_at,
        arg_max(coalesce(outcome_number, 0), attempted_at) as outcome_number,
        max(attempted_at) filter (where outcome = 'ok') as downloaded_at,
        min(image_id) filter (where outcome = 'ok') as image_id,
        min(image_id) filter (where outcome = 'ok')
        < max(image_id) filter (where outcome = 'ok') as is_changed,
        count(*) filter (where outcome != 'postponed') as attempts
    from numbered
    group by url_id

),

-- The few whose image has changed, or could not be fetched later, are read once
-- more: to pick UUIDs by time for all would keep them all in memory.
reread as (

    select
        downloads.url_id,
        arg_max(downloads.image_id, downloads.attempted_at) filter (
            where downloads.outcome = 'ok'
        ) as image_id,
        count(*) filter (
            where downloads.outcome != 'postponed'
            and downloads.attempted_at > summarised.downloaded_at
        ) as attempts
    from downloads
    inner join summarised on downloads.url_id = summarised.url_id
    where
        summarised.is_changed
        or summarised.downloaded_at < summarised.attempted_at
    group by downloads.url_id

),

-- Attempts count since the image arrived last; one that was postponed was none.
resolved as (

    select
        summarised.url_id,
        summarised.attempted_at,
        summarised.downloaded_at,
        coalesce(reread.image_id, summarised.image_id) as image_id,
        coalesce(summarised.is_changed, false) as is_changed,
        coalesce(download_outcomes.outcome, 'failed') as outcome,
        case
            when summarised.downloaded_at = summarised.attempted_at then 0
            else coalesce(reread.attempts, summarised.attempts)
        end as attempts
    from summarised
    left join reread on summarised.url_id = reread.url_id
    left join download_outcomes
        on summarised.outcome_number = download_outcomes.outcome_number

),

urls_resolved_live as (

    select
        resolved.url_id,
        resolved.image_id,
        resolved.downloaded_at,
        resolved.outcome,
        resolved.attempted_at,
        resolved.attempts,
        resolved.is_changed,
        download_outcomes.kind as outcome_kind,
        download_outcomes.retry_hours,
        resolved.downloaded_at is not null and (
            download_outcomes.kind = 'final'
            or (
                download_outcomes.kind = 'transient'
                and resolved.attempts >= {{ var('fetch_attempts') }}
            )
        ) as is_rotten
    from resolved
    left join download_outcomes
        on resolved.outcome = download_outcomes.outcome

)

select * from urls_resolved_live
