{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        post_hook=['{{ note_taken_in() }}', '{{ note_version() }}'],
    )
}}

with

crawl_files as (

    {{ crawl_files_to_read() }}

),

image_text_pairs as (

    select * from {{ ref('stg_raw__image_text_pairs') }}

),

landings as (

    select
        image_text_pairs.pair_id,
        image_text_pairs.crawl_id,
        image_text_pairs.path,
        list_filter(
            image_text_pairs.sightings,
            lambda each: each['license_url'] is not null  -- noqa: RF02
        ) as sightings
    from image_text_pairs
    inner join crawl_files
        on
            image_text_pairs.landed_at = crawl_files.landed_at
            and image_text_pairs.attempt_id = crawl_files.attempt_id
            and image_text_pairs.crawl_id = crawl_files.crawl_id
            and image_text_pairs.path = crawl_files.path

),

seen as (

    select
        * exclude (sightings),
        unnest(sightings) as sighting
    from landings

),

licence_links as (

    select distinct
        pair_id,
        crawl_id,
        path,
        md5(sighting['page_url'])::uuid as page_id,
        sighting['license_url'] as license_url
    from seen

)

select * from licence_links
