with

crawl_files as (

    select * from {{ ref('stg_raw__crawl_files') }}

),

image_text_pairs as (

    select * from {{ ref('stg_raw__image_text_pairs') }}

),

-- A file that landed twice counts once: by the attempt that staging keeps.
pairs_landed as (

    select image_text_pairs.*
    from image_text_pairs
    inner join crawl_files
        on
            image_text_pairs.attempt_id = crawl_files.attempt_id
            and image_text_pairs.crawl_id = crawl_files.crawl_id
            and image_text_pairs.path = crawl_files.path

)

select * from pairs_landed
