{{ config(materialized='view') }}

with

pairs_described as (

    select * from {{ ref('int_pairs_described') }}
    where not is_taken_down

),

image_licences as (

    select * from {{ ref('int_image_licences') }}

),

url_licences as (

    select * from {{ ref('int_url_licences') }}

),

page_licences as (

    select * from {{ ref('int_page_licences') }}

),

named as (

    select
        pairs_described.pair_id,
        'file' as scope,
        image_licences.* exclude (image_id)  -- noqa: RF02
    from image_licences
    inner join pairs_described
        on image_licences.image_id = pairs_described.image_id

    union all by name

    select
        pairs_described.pair_id,
        'image' as scope,
        url_licences.* exclude (url_id)  -- noqa: RF02
    from url_licences
    inner join pairs_described on url_licences.url_id = pairs_described.url_id

    union all by name

    select
        'page' as scope,
        *
    from page_licences

),

pair_licences as (

    select
        named.pair_id,
        named.scope,
        named.licence,
        named.family,
        named.licence_url,
        named.evidence,
        named.page_id,
        named.heard_at,
        named.licence = pairs_described.licence
        and named.scope = pairs_described.licence_scope as is_decisive
    from named
    inner join pairs_described on named.pair_id = pairs_described.pair_id

)

select * from pair_licences
