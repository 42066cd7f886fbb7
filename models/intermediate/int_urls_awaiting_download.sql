with

pairs_read as (

    select * from {{ ref('int_pairs_read') }}
    where recipe = '{{ recipe() }}' and is_worth_fetching

),

urls_resolved as (

    select * from {{ ref('int_urls_resolved') }}

),

urls as (

    select
        url_id,
        min(image_url) as image_url
    from pairs_read
    group by url_id

),

-- A transient failure is tried again when it is due; all else is final.
urls_settled as (

    select url_id
    from urls_resolved
    where
        image_id is not null
        or outcome not in (
            'timeout', 'connection_error', 'server_error', 'too_many_requests'
        )
        or attempts >= {{ var('fetch_attempts') }}
        or attempted_at + to_hours({{ var('fetch_retry_hours') }})
        > now() at time zone 'UTC'

),

urls_awaiting_download as (

    select
        urls.url_id,
        urls.image_url
    from urls
    anti join urls_settled on urls.url_id = urls_settled.url_id

)

select * from urls_awaiting_download
