with

image_pixels as (

    select * from {{ ref('stg_raw__image_pixels') }}

),

pairs_judged as (

    select * from {{ ref('int_pairs_judged') }}

),

pairs_flagged as (

    select * from {{ ref('int_pairs_flagged_live') }}

),

pairs_landed as (

    select * from {{ ref('int_pairs_landed') }}

),

urls_resolved as (

    select * from {{ ref('int_urls_resolved_live') }}

),

images_unscored as (

    select * from {{ ref('int_images_unscored') }}

),

images_kept as (

    select distinct image_id
    from pairs_judged
    where drop_reason is null or is_found_only

),

images_undecided as (

    select image_id from pairs_judged
    where is_undecided

    union all

    select image_id from pairs_flagged
    where is_undecided

),

-- What has landed since the last build is judged by the next.
images_unjudged as (

    select urls_resolved.image_id
    from pairs_landed
    inner join urls_resolved on pairs_landed.url_id = urls_resolved.url_id
    anti join pairs_judged
        on
            pairs_landed.pair_id = pairs_judged.pair_id
            and urls_resolved.image_id = pairs_judged.image_id

),

images_held as (

    select image_id from images_undecided

    union all

    select image_id from images_unjudged

    union all

    select image_id from images_unscored
    where reads_pixels

),

images_settled as (

    select
        image_pixels.image_id,
        images_kept.image_id is not null as is_kept
    from image_pixels
    anti join images_held on image_pixels.image_id = images_held.image_id
    left join images_kept on image_pixels.image_id = images_kept.image_id

)

select * from images_settled
