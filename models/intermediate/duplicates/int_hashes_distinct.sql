with

image_hashes as (

    select * from {{ ref('stg_enriched__image_hashes') }}
    where outcome = 'ok'

),

-- Half of the 64 frequencies are above their median, except in a picture so
-- flat that many of them equal it: its hash says nothing but that.
hashes_distinct as (

    select
        model_id,
        phash,
        count(*) as images,
        bit_count(phash) <> 32 as is_flat
    from image_hashes
    group by model_id, phash

)

select * from hashes_distinct
