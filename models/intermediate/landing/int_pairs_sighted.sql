with

pairs_landed as (

    select * from {{ ref('int_pairs_landed') }}

),

takedowns_in_force as (

    select * from {{ ref('int_takedowns_in_force') }}
    where kind = 'page'

),

-- A list names no page: its row stands for the sighting.
seen as (

    select
        pair_id,
        crawl_id,
        path,
        unnest(
            case when len(sightings) > 0 then sightings else [null] end
        ) as sighting
    from pairs_landed

),

sightings as (

    select
        pair_id,
        crawl_id,
        path,
        sighting['record_offset'] as record_offset,
        sighting['page_url'] as page_url,
        sighting['license_url'] as license_url
    from seen

),

listed as (

    select
        sightings.pair_id,
        list({
            'crawl_id': sightings.crawl_id,
            'path': sightings.path,
            'record_offset': sightings.record_offset,
            'page_url': sightings.page_url,
            'license_url': sightings.license_url
        } order by sightings.crawl_id, sightings.path, sightings.record_offset)
            as sightings
    from sightings
    -- What was seen on a page that is to be forgotten is not told.
    anti join takedowns_in_force
        on md5(sightings.page_url)::uuid = takedowns_in_force.value_id
    group by sightings.pair_id

),

totals as (

    select
        pair_id,
        sum(occurrences)::bigint as occurrences
    from pairs_landed
    group by pair_id

),

pairs_sighted as (

    select
        totals.pair_id,
        totals.occurrences,
        listed.sightings
    from totals
    left join listed on totals.pair_id = listed.pair_id

)

select * from pairs_sighted
