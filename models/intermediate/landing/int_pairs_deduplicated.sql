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

landings as (

    select
        image_text_pairs.*,
        crawl_files.crawl_landed_at
    from image_text_pairs
    -- By the moment too, so that files of other moments are not even opened.
    inner join crawl_files
        on
            image_text_pairs.landed_at = crawl_files.landed_at
            and image_text_pairs.attempt_id = crawl_files.attempt_id
            and image_text_pairs.crawl_id = crawl_files.crawl_id
            and image_text_pairs.path = crawl_files.path

),

first_landings as (

    select
        pair_id,
        url_id,
        caption_id,
        crawl_id,
        path,
        image_url,
        caption,
        source_id,
        is_outside_src,
        crawl_landed_at
    from landings
    -- One in which a page has it in `src` before all that have it elsewhere.
    qualify row_number() over (
        partition by pair_id
        order by is_outside_src, crawl_landed_at, crawl_id, path
    ) = 1

),

pairs_deduplicated as (

    select
        first_landings.pair_id,
        first_landings.url_id,
        first_landings.caption_id,
        first_landings.crawl_id,
        first_landings.path,
        first_landings.image_url,
        {{ host_of('first_landings.image_url') }} as host,
        first_landings.caption,
        length(first_landings.caption) as caption_chars,
        -- Words as Python's `split` has them.
        len(regexp_extract_all(first_landings.caption, '[^\s\p{Z}]+'))
            as caption_words,
        coalesce(
            regexp_matches(first_landings.image_url, '^(?i)https?://'), false
        ) as is_http,
        coalesce({{ is_urn('first_landings.image_url') }}, false) as is_urn,
        first_landings.is_outside_src,
        first_landings.image_url is null
        or first_landings.caption is null as is_erased,
        first_landings.source_id,
        first_landings.crawl_landed_at
    from first_landings
    {{ anti_join_of_earlier(
        'first_landings',
        ['is_outside_src', 'crawl_landed_at', 'crawl_id', 'path']
    ) }}

)

select * from pairs_deduplicated
