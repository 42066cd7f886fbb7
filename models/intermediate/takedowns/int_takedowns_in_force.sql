{{ config(materialized='table', compared_by='value_id') }}

with

takedowns as (

    select * from {{ ref('stg_raw__takedowns') }}

),

blocked_hashes as (

    select
        kind,
        lower(trim(hash)) as hash
    from {{ ref('blocked_hashes') }}

),

-- As takedowns have them; a line that is none must not pass for a shorter list.
listed as (

    select
        case kind
            when 'md5' then 'image_md5'
            when 'sha256' then 'image_sha256'
            when 'url_md5' then 'url'
        end as kind,
        case
            when
                kind in ('md5', 'url_md5')
                and regexp_full_match(hash, '[0-9a-f]{32}')
                then hash::uuid
            when kind = 'sha256' and regexp_full_match(hash, '[0-9a-f]{64}')
                then hash[:32]::uuid
            else
                error(format(
                    'blocked_hashes.csv: {}, {} is no md5, sha256 or url_md5 '
                    || 'in hexadecimal; correct the line.',
                    coalesce(kind, 'no kind'),
                    coalesce(hash, 'no hash')
                ))::uuid
        end as value_id
    from blocked_hashes

),

takedowns_in_force as (

    select
        kind,
        value_id
    from takedowns

    union

    select
        kind,
        value_id
    from listed

)

select * from takedowns_in_force
