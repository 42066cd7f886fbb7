{{ config(materialized='table', buckets_by='image_id', bucket_bytes=400) }}

with

measuring as (

    select * from {{ ref('int_recipes_measuring') }}

),

read as (

    select * from {{ ref('int_pairs_read') }}
    where {{ in_bucket('image_id') }}

),

{{ measured() }}

-- The other keys stand beside `pair_id` in what has been described.
select * exclude (caption_id, image_id) from measured
