{{ config(materialized='table', buckets_by='url_id', bucket_bytes=400) }}

with

{{ described('int_urls_resolved', 'int_images') }}

-- What is long stays where it is, so that to judge again reads little.
select * exclude (image_url, caption) from described
