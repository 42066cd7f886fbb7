{{
    config(
        materialized='table',
        changed_by={
            'intermediate.int_pairs_first_pages': 'pair_id',
            'raw.pages': 'page_id',
        },
    )
}}

with

-- Pages are many, and few recipes ask them.
recipes_asking as (

    select count(*) > 0 as are_there
    from {{ ref('int_recipes') }}
    where page_language

),

first_pages as (

    select
        first_pages.pair_id,
        first_pages.page_id
    from {{ ref('int_pairs_first_pages') }} as first_pages
    semi join recipes_asking on recipes_asking.are_there

),

pages as (

    select * from {{ ref('stg_raw__pages') }}

),

-- The language alone, without script and country.
written as (

    select
        first_pages.pair_id,
        regexp_extract(
            lower(pages.language), '^\s*([a-z]{2,3})(?:[-_ ]|$)', 1
        ) as code
    from first_pages
    inner join pages on first_pages.page_id = pages.page_id

),

-- As the detectors spell it.
pairs_page_languages as (

    select
        pair_id,
        case code
            when 'he' then 'iw'
            when 'in' then 'id'
            when 'ji' then 'yi'
            when 'nb' then 'no'
            when 'tl' then 'fil'
            else code
        end as language
    from written
    where code != ''

)

select * from pairs_page_languages
