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
        -- Earlier versions kept the brackets that Wget puts around a URL.
        list_transform(sightings, lambda sighting: case
            when sighting['page_url'] like '<%>'
                then struct_update(
                    sighting, page_url := sighting['page_url'][2:-2]
                )
            else sighting
        end) as sightings,
        -- Those that do not tell are alt text, and of `src`: earlier versions
        -- took no others.
        not coalesce(
            list_bool_or(list_transform(
                sightings,
                lambda sighting: case
                    when sighting is not null
                        then coalesce(sighting['caption_source'] = 'alt', true)
                end
            )),
            true
        ) as is_outside_alt,
        -- Where a page has it as alt text, other texts do not count: a recipe
        -- that wants both wants them of one image.
        not coalesce(
            list_bool_or(list_transform(
                sightings,
                lambda sighting: case
                    when
                        sighting is not null
                        and coalesce(sighting['caption_source'] = 'alt', true)
                        then coalesce(sighting['image_source'] = 'src', true)
                end
            )),
            list_bool_or(list_transform(
                sightings,
                lambda sighting: case
                    when sighting is not null
                        then coalesce(sighting['image_source'] = 'src', true)
                end
            )),
            true
        ) as is_outside_src,
        occurrences,
        source_id,
        attempt_id,
        landed_at
    from source

)

select * from renamed
