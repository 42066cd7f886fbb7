{% set refresh_days = var('fetch_refresh_days') or 'null' %}

with

pairs_read as (

    select * from {{ ref('int_pairs_flagged_live') }}
    where
        is_worth_fetching
        -- What came without a URL can be asked of nobody.
        and not {{ is_urn('image_url') }}

),

urls_resolved as (

    select * from {{ ref('int_urls_resolved_live') }}

),

images_unscored as (

    select * from {{ ref('int_images_unscored') }}

),

images_lacking_pixels as (

    select distinct image_id
    from images_unscored
    where
        reads_pixels
        and attempt_id is null
        and is_deciding

),

urls as (

    select
        pairs_read.url_id,
        min(pairs_read.image_url) as image_url,
        bool_or(
            pairs_read.is_undecided
            and images_lacking_pixels.image_id is not null
        ) as lacks_pixels
    from pairs_read
    left join images_lacking_pixels
        on pairs_read.image_id = images_lacking_pixels.image_id
    group by pairs_read.url_id

),

-- When the next attempt is due: an image's, and that of what was left out by a
-- wish, when it is so many days old, that of a failure in passing later each
-- time, all others' never.
urls_due as (

    select
        url_id,
        outcome_kind,
        case
            when outcome_kind in ('ok', 'opt_out')
                then attempted_at + to_days({{ refresh_days }}::integer)
            when
                outcome_kind = 'transient'
                and attempts < {{ var('fetch_attempts') }}
                then
                    attempted_at
                    + retry_hours * interval 1 hour
                    * pow(2, greatest(attempts - 1, 0))::integer
            when
                outcome_kind in ('transient', 'final')
                and downloaded_at is not null
                then attempted_at + to_days({{ refresh_days }}::integer)
        end as due_at
    from urls_resolved

),

urls_settled as (

    select
        url_id,
        outcome_kind
    from urls_due
    where coalesce(due_at > now() at time zone 'UTC', true)

),

urls_awaiting_download as (

    select
        urls.url_id,
        urls.image_url,
        {{ host_of('urls.image_url') }} as host,
        urls.lacks_pixels
    from urls
    anti join urls_settled
        on
            urls.url_id = urls_settled.url_id
            -- An image that came and was released comes again, or it fails.
            and not (urls.lacks_pixels and urls_settled.outcome_kind = 'ok')

)

select * from urls_awaiting_download
