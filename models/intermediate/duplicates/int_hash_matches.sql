{{ config(materialized='table') }}

with

hash_bands as (

    select * from {{ ref('int_hash_bands') }}

),

hash_bands_skipped as (

    select * from {{ ref('int_hash_bands_skipped') }}

),

compared as (

    select hash_bands.*
    from hash_bands
    anti join hash_bands_skipped
        on
            hash_bands.model_id = hash_bands_skipped.model_id
            and hash_bands.band = hash_bands_skipped.band

),

-- Two hashes may share several bands.
found as (

    select distinct
        one.model_id,
        one.phash as lesser,
        other.phash as greater,
        bit_count(xor(one.phash, other.phash))::integer as distance
    from compared as one
    inner join compared as other
        on
            one.model_id = other.model_id
            and one.band = other.band
            and one.phash < other.phash
    where
        bit_count(xor(one.phash, other.phash))
        <= {{ var('max_hash_distance') }}

),

hash_matches as (

    select
        model_id,
        lesser as phash,
        greater as matching_phash,
        distance
    from found

    union all

    select
        model_id,
        greater as phash,
        lesser as matching_phash,
        distance
    from found

)

select * from hash_matches
