{{
    config(
        materialized='table',
        changed_by={
            'intermediate.int_pairs_described': 'pair_id',
            'intermediate.int_pairs_page_languages': 'pair_id',
            'enriched.caption_languages': 'caption_id',
            'enriched.image_hashes': 'image_id',
        },
    )
}}

with

measuring as (

    select * from {{ ref('int_recipes_measuring') }}

),

-- Joins of many rows are as large as their rows are wide: the rest comes last.
described as (

    select
        pair_id,
        caption_id,
        image_id
    from {{ ref('int_pairs_described') }}

),

{{ read() }}

select * from read
