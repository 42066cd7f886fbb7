{{ config(materialized='table') }}

with

hash_bands as (

    select * from {{ ref('int_hash_bands') }}

),

hash_bands_skipped as (

    select
        model_id,
        band,
        count(*) as hash_count
    from hash_bands
    group by model_id, band
    having count(*) > {{ var('max_hashes_per_band') }}

)

select * from hash_bands_skipped
