{{ config(materialized='table', compared_by='pair_id') }}

with

pairs_deduplicated as (

    select * from {{ ref('int_pairs_deduplicated') }}

),

pairs_on_pages_taken_down as (

    select * from {{ ref('int_pairs_on_pages_taken_down') }}

),

takedowns_in_force as (

    select * from {{ ref('int_takedowns_in_force') }}

),

found as (

    -- What has been erased can no longer be matched, and stays out.
    select pair_id
    from pairs_deduplicated
    where
        image_url is null
        or caption is null
        or url_id in (
            select takedowns_in_force.value_id
            from takedowns_in_force
            where takedowns_in_force.kind = 'url'
        )
        or caption_id in (
            select takedowns_in_force.value_id
            from takedowns_in_force
            where takedowns_in_force.kind = 'caption'
        )
        or pair_id in (
            select takedowns_in_force.value_id
            from takedowns_in_force
            where takedowns_in_force.kind = 'pair'
        )

    union all

    -- A page's removal drops what no other page shows.
    select pair_id
    from pairs_on_pages_taken_down
    where not is_seen_elsewhere

),

pairs_taken_down as (

    select distinct pair_id from found

)

select * from pairs_taken_down
