{{ config(materialized='table', compared_by='pair_id') }}

{% set no_page = "'00000000-0000-0000-0000-000000000000'::uuid" %}

with

pairs_landed as (

    select * from {{ ref('int_pairs_landed') }}

),

takedowns as (

    select * from {{ ref('stg_raw__takedowns') }}
    where kind = 'page'

),

-- Once a sighting on such a page is erased, or lands later, it is null as a
-- whole, which stands here under an id that is no page's.
pages_taken_down as (

    select value_id from takedowns
    union all
    select {{ no_page }} as value_id
    from takedowns
    having count(*) > 0

),

seen as (

    select
        pair_id,
        unnest(sightings) as sighting
    from pairs_landed

),

seen_there as (

    select distinct seen.pair_id
    from seen
    semi join pages_taken_down
        on
            case
                when seen.sighting is null then {{ no_page }}
                else md5(seen.sighting['page_url'])::uuid
            end = pages_taken_down.value_id

),

-- Only now the wide sightings, of the few pairs that are left.
sightings as (

    select
        pairs_landed.pair_id,
        pairs_landed.crawl_landed_at,
        pairs_landed.crawl_id,
        pairs_landed.path,
        generate_subscripts(pairs_landed.sightings, 1) as place,
        unnest(pairs_landed.sightings) as sighting
    from pairs_landed
    semi join seen_there on pairs_landed.pair_id = seen_there.pair_id

),

seen_elsewhere as (

    select
        sightings.pair_id,
        arg_min(
            sightings.sighting,
            (
                sightings.crawl_landed_at,
                sightings.crawl_id,
                sightings.path,
                sightings.place
            )
        ) as first_sighting
    from sightings
    anti join pages_taken_down
        on md5(sightings.sighting['page_url'])::uuid = pages_taken_down.value_id
    where sightings.sighting is not null
    group by sightings.pair_id

),

pairs_on_pages_taken_down as (

    select
        seen_there.pair_id,
        seen_elsewhere.pair_id is not null as is_seen_elsewhere,
        seen_elsewhere.first_sighting['page_url'] as page_url,
        seen_elsewhere.first_sighting['license_url'] as license_url
    from seen_there
    left join seen_elsewhere on seen_there.pair_id = seen_elsewhere.pair_id

)

select * from pairs_on_pages_taken_down
