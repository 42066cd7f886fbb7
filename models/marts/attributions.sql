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

files as (

    select * from {{ ref('int_image_credits') }}

),

said_of_images as (

    select * from {{ ref('int_url_credits') }}

),

evidences as (

    select
        pair_id,
        min(licence_url) as licence_url,
        min(evidence) as evidence
    from pair_licences
    group by pair_id

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
