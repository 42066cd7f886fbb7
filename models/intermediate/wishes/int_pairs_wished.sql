{{ config(materialized='table', compared_by='pair_id') }}

with

-- That a page allows what it says does not allow the pictures that it shows.
page_wishes as (

    select * from {{ ref('int_page_wishes') }}
    where says = 'disallow'

),

seen as (

    select
        pair_id,
        unnest(sightings) as sighting
    from {{ ref('int_pairs_landed') }}

),

wishes as (

    select
        seen.pair_id,
        page_wishes.signal,
        page_wishes.use,
        page_wishes.says
    from seen
    inner join page_wishes
        on md5(seen.sighting['page_url'])::uuid = page_wishes.page_id

),

{{ wished('pair_id') }},

pairs_wished as (

    select
        pair_id,
        refused_uses
    from wished

)

select * from pairs_wished
