{{ config(materialized='table') }}

with

pairs_landed as (

    select * from {{ ref('int_pairs_landed') }}

),

first_landings as (

    select
        pair_id,
        url_id,
        caption_id,
        crawl_id,
        path,
        image_url,
        caption,
        source_id,
        crawl_landed_at
    from pairs_landed
    qualify row_number() over (
        partition by pair_id
        order by crawl_landed_at, crawl_id, path
    ) = 1

),

pairs_on_pages_taken_down as (

    select * from {{ ref('int_pairs_on_pages_taken_down') }}

),

-- On its own, so that the window above need not hold the wide columns.
totals as (

    select
        pair_id,
        sum(occurrences)::bigint as occurrences,
        -- Passes over null: files whose sightings have all been erased.
        arg_min(
            sightings[1], (crawl_landed_at, crawl_id, path)
        ) as first_sighting
    from pairs_landed
    group by pair_id

),

pairs_deduplicated as (

    select
        first_landings.pair_id,
        first_landings.url_id,
        first_landings.caption_id,
        first_landings.crawl_id,
        first_landings.path,
        first_landings.image_url,
        -- The host as the fetcher connects to it: no user, port or last dot.
        rtrim(lower(regexp_extract(
            first_landings.image_url,
            '^[^/?#]*//(?:[^/?#]*@)?(\[[^\]]*\]|[^/?#:]*)',
            1
        )), '.') as host,
        first_landings.caption,
        case
            when pairs_on_pages_taken_down.pair_id is null
                then totals.first_sighting['page_url']
            else pairs_on_pages_taken_down.page_url
        end as page_url,
        case
            when pairs_on_pages_taken_down.pair_id is null
                then totals.first_sighting['license_url']
            else pairs_on_pages_taken_down.license_url
        end as license_url,
        totals.occurrences,
        first_landings.source_id,
        first_landings.crawl_landed_at
    from first_landings
    inner join totals on first_landings.pair_id = totals.pair_id
    left join pairs_on_pages_taken_down
        on first_landings.pair_id = pairs_on_pages_taken_down.pair_id

)

select * from pairs_deduplicated
