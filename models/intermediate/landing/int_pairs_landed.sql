with

crawl_files_landed as (

    select * from {{ ref('int_crawl_files_landed') }}

),

image_text_pairs as (

    select * from {{ ref('stg_raw__image_text_pairs') }}

),

-- A file that landed twice counts once: by the attempt that staging keeps.
pairs_landed as (

    select
        image_text_pairs.*,
        crawl_files_landed.crawl_landed_at,
        crawl_files_landed.is_list
    from image_text_pairs
    inner join crawl_files_landed
        on
            image_text_pairs.attempt_id = crawl_files_landed.attempt_id
            and image_text_pairs.crawl_id = crawl_files_landed.crawl_id
            and image_text_pairs.path = crawl_files_landed.path

)

select * from pairs_landed
