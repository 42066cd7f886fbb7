{%- set changed_by = {
    'intermediate.int_pairs_read': 'pair_id',
    'enriched.pair_similarities': 'image_id',
} -%}
{%- for rating in ratings() -%}
    {%- do changed_by.update({'enriched.' ~ rating.table: rating.key[0]}) -%}
{%- endfor -%}

{{
    config(
        materialized='table',
        buckets_by='image_id',
        bucket_bytes=400,
        changed_by=changed_by,
    )
}}

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
