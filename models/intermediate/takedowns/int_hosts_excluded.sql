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

hosts_excluded as (

    select
        domains.host,
        bool_or(blocked_domains.domain is not null) as is_blocked,
        bool_or(takedowns.value_id is not null) as is_taken_down
    from domains
    left join blocked_domains on domains.domain = lower(blocked_domains.domain)
    left join takedowns on md5(domains.domain)::uuid = takedowns.value_id
    group by domains.host
    having
        bool_or(blocked_domains.domain is not null)
        or bool_or(takedowns.value_id is not null)

)

select * from hosts_excluded
