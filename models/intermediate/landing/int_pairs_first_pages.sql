{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='pair_id',
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

-- A list names no pages, and those that were erased are gone. Staging has taken
-- the brackets off their URLs.
landings as (

    select
        image_text_pairs.pair_id,
        image_text_pairs.crawl_id,
        image_text_pairs.path,
        image_text_pairs.sightings,
        crawl_files.crawl_landed_at
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
        list_filter(
            sightings, lambda sighting: sighting['page_url'] is not null
        )[1] as sighting
    from landings

),

first_landings as (

    select
        pair_id,
        crawl_id,
        path,
        crawl_landed_at,
        md5(sighting['page_url'])::uuid as page_id,
        sighting['page_url'] as page_url,
        sighting['license_url'] as license_url
    from seen
    where sighting is not null
    qualify row_number() over (
        partition by pair_id
        order by crawl_landed_at, crawl_id, path
    ) = 1

),

pairs_first_pages as (

    select first_landings.*
    from first_landings
    {{ anti_join_of_earlier('first_landings') }}

)

select * from pairs_first_pages
