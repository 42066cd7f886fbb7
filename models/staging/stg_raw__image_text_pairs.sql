with

source as (

    select * from {{ source('raw', 'image_text_pairs') }}

),

renamed as (

    select
        pair_id,
        url_id,
        caption_id,
        crawl_id,
        path,
        image_url,
        caption,
        sightings,
        occurrences,
        source_id,
        attempt_id,
        landed_at
    from source

)

select * from renamed
