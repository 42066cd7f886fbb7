{{ config(materialized='table', compared_by='host') }}

with

pairs_deduplicated as (

    select * from {{ ref('int_pairs_deduplicated') }}

),

blocked_domains as (

    select * from {{ ref('blocked_domains') }}

),

takedowns as (

    select * from {{ ref('stg_raw__takedowns') }}
    where kind = 'domain'

),

-- What was said long ago says little of today.
site_rules as (

    select * from {{ ref('int_site_rules') }}
    where
        heard_at > now() at time zone 'UTC'
        - to_days({{ var('site_rules_days') }}::integer)
    qualify row_number() over (
        partition by origin
        order by heard_at desc, crawl_id desc
    ) = 1

),

-- By http and by https, and at any port: what one of them says is not said of
-- the others.
hosts_closed as (

    select
        host,
        bool_and(refuses_us) as is_closed,
        bool_and(refuses_agents_like_us) as is_closed_to_others
    from site_rules
    group by host
    having is_closed or is_closed_to_others

),

hosts as (

    select distinct
        host,
        string_split(host, '.') as labels
    from pairs_deduplicated
    where host != ''

),

-- images.example.org stands on images.example.org, example.org and org.
domains as (

    select
        host,
        unnest(list_transform(
            range(1, len(labels) + 1),
            lambda first: array_to_string(labels[first:], '.')
        )) as domain
    from hosts

),

hosts_refused as (

    select
        domains.host,
        bool_or(blocked_domains.domain is not null) as is_blocked,
        bool_or(takedowns.value_id is not null) as is_taken_down
    from domains
    left join blocked_domains on domains.domain = lower(blocked_domains.domain)
    left join takedowns on md5(domains.domain)::uuid = takedowns.value_id
    group by domains.host

),

hosts_excluded as (

    select
        hosts_refused.host,
        hosts_refused.is_blocked,
        hosts_refused.is_taken_down,
        coalesce(hosts_closed.is_closed, false) as is_closed,
        coalesce(hosts_closed.is_closed_to_others, false)
            as is_closed_to_others
    from hosts_refused
    left join hosts_closed on hosts_refused.host = hosts_closed.host
    where
        hosts_refused.is_blocked
        or hosts_refused.is_taken_down
        or hosts_closed.host is not null

)

select * from hosts_excluded
