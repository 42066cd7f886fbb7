with

pairs_read as (

    select * from {{ ref('int_pairs_read') }}

),

urls_resolved as (

    select * from {{ ref('int_urls_resolved') }}

),

images as (

    select * from {{ ref('stg_raw__images') }}

),

images_taken_down as (

    select * from {{ ref('int_images_taken_down') }}

),

joined as (

    select
        pairs_read.*,
        images.image_id,
        images.width,
        images.height,
        images.image_format,
        images.image_bytes,
        images.md5,
        images.sha256,
        urls_resolved.downloaded_at,
        urls_resolved.outcome as download_outcome,
        -- `blocked`: the fetcher met a picture that is to be forgotten.
        images_taken_down.image_id is not null
        or coalesce(urls_resolved.outcome = 'blocked', false)
            as is_image_taken_down,
        case
            when urls_resolved.outcome_kind = 'opt_out'
                then urls_resolved.outcome
        end as opt_out,
        urls_resolved.outcome_kind as download_outcome_kind
    from pairs_read
    left join urls_resolved on pairs_read.url_id = urls_resolved.url_id
    left join images on urls_resolved.image_id = images.image_id
    left join images_taken_down on images.image_id = images_taken_down.image_id

),

flagged as (

    select
        *,
        is_worth_fetching
        and image_id is null
        and coalesce(download_outcome, 'ok') = 'ok' as is_not_downloaded,
        case
            when
                image_id is null
                and download_outcome_kind in ('transient', 'final')
                then download_outcome
        end as download_failure,
        coalesce(
            image_bytes < min_image_bytes
            or least(width, height) < min_image_side,
            false
        ) as is_image_too_small,
        coalesce(
            not list_contains(string_split(image_formats, ' '), image_format),
            false
        ) as is_image_format_unwanted,
        coalesce(
            greatest(width, height) > max_aspect_ratio * least(width, height),
            false
        ) as is_image_too_long
    from joined

),

pairs_fetched as (

    select
        *,
        is_worth_fetching
        and image_id is not null
        and not is_image_taken_down
        and opt_out is null
        and not is_image_too_small
        and not is_image_format_unwanted
        and not is_image_too_long as is_worth_scoring
    from flagged

)

select * from pairs_fetched
