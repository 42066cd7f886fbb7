{{
    config(
        materialized='table',
        changed_by={'raw.pages': 'page_id'},
    )
}}

with

pages as (

    select * from {{ ref('stg_raw__pages') }}

),

takedowns as (

    select * from {{ ref('stg_raw__takedowns') }}
    where kind = 'page'

),

-- Of a page that is to be forgotten nothing is told, and so nothing counts.
wished as (

    select
        pages.page_id,
        unnest(pages.wishes) as wish,
        pages.heard_at
    from pages
    anti join takedowns on pages.page_id = takedowns.value_id

),

-- A page says the same in its answer as in its HTML, where `noindex` speaks of
-- the page itself; in the answer of a picture it speaks of that.
said as (

    select
        page_id,
        case lower(wish['property'])
            when 'x-robots-tag' then 'robots'
            when 'tdm-reservation' then 'tdm-reservation'
            else wish['property']
        end as property,
        lower(wish['value']) as term,
        wish['evidence'] as evidence,
        heard_at
    from wished

),

{{ meant('page_id') }}

select * from wishes
