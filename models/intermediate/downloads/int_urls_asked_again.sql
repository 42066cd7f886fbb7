with

downloads as (

    select * from {{ ref('stg_raw__downloads') }}

),

download_outcomes as (

    select * from {{ ref('download_outcomes') }}

),

-- Few are asked again. Only of these is more held than two moments.
asked_again as (

    select url_id
    from downloads
    group by url_id
    having max(attempted_at) > min(attempted_at) filter (where outcome = 'ok')

),

answers as (

    select downloads.*
    from downloads
    semi join asked_again on downloads.url_id = asked_again.url_id

),

first_arrivals as (

    select
        url_id,
        min(attempted_at) filter (where outcome = 'ok') as downloaded_at,
        arg_min(image_id, (attempted_at, landed_at, attempt_id)) filter (
            where outcome = 'ok'
        ) as image_id
    from answers
    group by url_id

),

-- One that was postponed or that we block says nothing of the web.
later_attempts as (

    select
        answers.url_id,
        answers.attempted_at,
        answers.landed_at,
        answers.attempt_id,
        answers.outcome,
        download_outcomes.kind,
        first_arrivals.downloaded_at,
        answers.image_id = first_arrivals.image_id as is_same
    from answers
    inner join first_arrivals
        on
            answers.url_id = first_arrivals.url_id
            and answers.attempted_at > first_arrivals.downloaded_at
    inner join download_outcomes
        on answers.outcome = download_outcomes.outcome
    where
        answers.outcome != 'postponed'
        and download_outcomes.kind != 'blocked'

),

counted as (

    select
        *,
        count(*) filter (where kind = 'ok') over (
            partition by url_id
            order by attempted_at, landed_at, attempt_id
            rows unbounded preceding
        ) as arrivals
    from later_attempts

),

-- How often it has failed in a row, this attempt included.
followed as (

    select
        *,
        count(*) filter (where kind != 'ok') over (
            partition by url_id, arrivals
            order by attempted_at, landed_at, attempt_id
            rows unbounded preceding
        ) as failures
    from counted

),

urls_asked_again as (

    select
        url_id,
        attempted_at,
        downloaded_at as first_downloaded_at,
        epoch(attempted_at - downloaded_at) / 86400 as age_days,
        outcome,
        case
            when kind = 'ok' and is_same then 'unchanged'
            when kind = 'ok' then 'changed'
            when kind = 'opt_out' then 'opted_out'
            when
                kind = 'final' or failures >= {{ var('fetch_attempts') }}
                then 'rotten'
            else 'failing'
        end as state
    from followed

)

select * from urls_asked_again
