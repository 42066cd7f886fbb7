{{ config(materialized='table', compared_by='caption_id') }}

with

pairs_deduplicated as (

    select * from {{ ref('int_pairs_deduplicated') }}

),

unsafe_keywords as (

    select * from {{ ref('unsafe_keywords') }}

),

captions_with_unsafe_keywords as (

    select distinct pairs_deduplicated.caption_id
    from pairs_deduplicated
    inner join unsafe_keywords
        on
            contains(
                lower(pairs_deduplicated.caption),
                lower(unsafe_keywords.keyword)
            )

)

select * from captions_with_unsafe_keywords
