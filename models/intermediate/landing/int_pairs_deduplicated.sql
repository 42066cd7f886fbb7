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

-- Read each time for the columns that are asked for: wide rows are not to wait.
image_text_pairs as not materialized (

    select * from {{ ref('stg_raw__image_text_pairs') }}

),

landings as not materialized (

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

repeated as (

    select pair_id
    from landings
    group by pair_id
    having count(*) > 1

),

-- Of few only keys are put in order, so that texts just pass by. One file has a
-- pair once: were it there twice, both would stay, which a test would tell.
repeats as (

    select
        landings.pair_id,
        landings.crawl_id,
        landings.path
    from landings
    semi join repeated on landings.pair_id = repeated.pair_id
    -- One in which a page has it as alt text before all that have it elsewhere,
    -- and of those one that has it in `src`.
    qualify rank() over (
        partition by landings.pair_id
        order by
            landings.is_outside_alt,
            landings.is_outside_src,
            landings.crawl_landed_at,
            landings.crawl_id,
            landings.path
    ) > 1

),

first_landings as (

    select landings.*
    from landings
    anti join repeats
        on
            landings.pair_id = repeats.pair_id
            and landings.crawl_id = repeats.crawl_id
            and landings.path = repeats.path

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
        first_landings.is_outside_alt,
        first_landings.is_outside_src,
        first_landings.image_url is null
        or first_landings.caption is null as is_erased,
        first_landings.source_id,
        first_landings.crawl_landed_at
    from first_landings
    {{ anti_join_of_earlier(
        'first_landings',
        [
            'is_outside_alt',
            'is_outside_src',
            'crawl_landed_at',
            'crawl_id',
            'path',
        ]
    ) }}

)

select * from pairs_deduplicated
