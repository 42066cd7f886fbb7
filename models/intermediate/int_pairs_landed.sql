with

crawl_files as (

    -- The files of a crawl land in any order, and the order of pairs is not to
    -- hang on it: a crawl's is when its first file landed, then go the paths.
    select
        crawl_id,
        path,
        attempt_id,
        min(landed_at) over (partition by crawl_id) as crawl_landed_at
    from {{ ref('stg_raw__crawl_files') }}

),

image_text_pairs as (

    select * from {{ ref('stg_raw__image_text_pairs') }}

),

-- A file that landed twice counts once: by the attempt that staging keeps.
pairs_landed as (

    select
        image_text_pairs.*,
        crawl_files.crawl_landed_at
    from image_text_pairs
    inner join crawl_files
        on
            image_text_pairs.attempt_id = crawl_files.attempt_id
            and image_text_pairs.crawl_id = crawl_files.crawl_id
            and image_text_pairs.path = crawl_files.path

)

select * from pairs_landed
