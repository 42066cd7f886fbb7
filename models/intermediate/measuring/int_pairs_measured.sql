{{
    config(
        materialized='table',
        buckets_by='pair_id',
        bucket_bytes=220,
        changed_by={
            'intermediate.int_pairs_described': 'pair_id',
            'intermediate.int_pairs_scored': 'pair_id',
        },
    )
}}

with

-- Recipes do not judge by what a picture's bytes are, when they came, or by who
-- names a licence.
described as (

    select * exclude (md5, sha256, downloaded_at, licence_scope)
    from {{ ref('int_pairs_described') }}
    where {{ in_bucket('pair_id') }}

),

scored as (

    select * from {{ ref('int_pairs_scored') }}
    where {{ in_bucket('pair_id') }}

),

measured as (

    select
        described.*,
        scored.* exclude (pair_id)  -- noqa: RF02
    from described
    inner join scored on described.pair_id = scored.pair_id

)

select * from measured
