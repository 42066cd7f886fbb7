with

urls_asked_again as (

    select * from {{ ref('int_urls_asked_again') }}

),

pairs_landed as (

    select * from {{ ref('int_pairs_landed') }}

),

-- A URL counts once in each month of its age, by the last answer in it.
monthly as (

    select
        url_id,
        floor(age_days / 30)::integer as months,
        arg_max(state, attempted_at) as state,
        arg_max(age_days, attempted_at) as age_days
    from urls_asked_again
    group by url_id, floor(age_days / 30)

),

urls_by_crawl as (

    select distinct
        pairs_landed.crawl_id,
        pairs_landed.url_id
    from pairs_landed
    semi join urls_asked_again
        on pairs_landed.url_id = urls_asked_again.url_id

),

counted as (

    select
        urls_by_crawl.crawl_id,
        monthly.months,
        count(*) as urls,
        count(*) filter (where monthly.state = 'unchanged') as urls_unchanged,
        count(*) filter (where monthly.state = 'changed') as urls_changed,
        count(*) filter (where monthly.state = 'rotten') as urls_rotten,
        count(*) filter (where monthly.state = 'opted_out') as urls_opted_out,
        count(*) filter (where monthly.state = 'failing') as urls_failing,
        avg(monthly.age_days) as mean_age_days
    from monthly
    inner join urls_by_crawl on monthly.url_id = urls_by_crawl.url_id
    group by urls_by_crawl.crawl_id, monthly.months

),

shared as (

    select
        *,
        urls_rotten / nullif(urls - urls_failing, 0) as rotten_share,
        urls_changed / nullif(urls - urls_failing, 0) as changed_share
    from counted

),

link_rot as (

    select
        crawl_id,
        months,
        urls,
        urls_unchanged,
        urls_changed,
        urls_rotten,
        urls_opted_out,
        urls_failing,
        mean_age_days,
        rotten_share,
        changed_share,
        1 - pow(1 - rotten_share, 30 / nullif(mean_age_days, 0))
            as monthly_rot
    from shared

)

select * from link_rot
