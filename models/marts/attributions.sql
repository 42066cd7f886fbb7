{{ config(materialized='view') }}

with

pairs as (

    select * from {{ ref('pairs') }}
    where licence is not null

),

pair_licences as (

    select * from {{ ref('pair_licences') }}
    where is_decisive

),

image_rights as (

    select * from {{ ref('stg_raw__image_rights') }}
    where carrier != 'c2pa_ingredient'

),

image_licenses as (

    select * from {{ ref('stg_raw__image_licenses') }}

),

pages_taken_down as (

    select * from {{ ref('int_takedowns_in_force') }}
    where kind = 'page'

),

evidences as (

    select
        pair_id,
        min(licence_url) as licence_url,
        min(evidence) as evidence
    from pair_licences
    group by pair_id

),

files as (

    select
        image_id,
        string_agg(distinct value, '; ' order by value) filter (
            where property in ('dc:creator', 'By-line', 'Artist', 'Author')
        ) as creator,
        string_agg(distinct value, '; ' order by value) filter (
            where property in ('photoshop:Credit', 'Credit')
        ) as credit,
        string_agg(distinct value, '; ' order by value) filter (
            where property in ('dc:rights', 'Copyright Notice', 'Copyright')
        ) as copyright
    from image_rights
    group by image_id

),

images_said as (

    select image_licenses.*
    from image_licenses
    anti join pages_taken_down
        on image_licenses.page_id = pages_taken_down.value_id

),

said_of_images as (

    select
        url_id,
        string_agg(distinct creator, '; ' order by creator) as creator,
        string_agg(distinct credit, '; ' order by credit) as credit,
        string_agg(distinct copyright, '; ' order by copyright) as copyright
    from images_said
    group by url_id

),

attributions as (

    select
        pairs.pair_id,
        coalesce(files.creator, said_of_images.creator) as creator,
        coalesce(files.credit, said_of_images.credit) as credit,
        coalesce(files.copyright, said_of_images.copyright) as copyright,
        pairs.licence,
        evidences.licence_url,
        pairs.licence_scope,
        evidences.evidence
    from pairs
    left join evidences on pairs.pair_id = evidences.pair_id
    left join files on pairs.image_id = files.image_id
    left join said_of_images on pairs.url_id = said_of_images.url_id

)

select * from attributions
