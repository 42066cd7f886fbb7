with

compared as (

    select * from {{ ref('int_hashes_distinct') }}
    where not is_flat

),

-- The 64 bits in four blocks of 13 and one of 12.
blocks as (

    select
        model_id,
        phash,
        (phash >> 51) & 8191 as block_1,
        (phash >> 38) & 8191 as block_2,
        (phash >> 25) & 8191 as block_3,
        (phash >> 12) & 8191 as block_4,
        phash & 4095 as block_5
    from compared

),

-- Two blocks make a band: its number from 0 to 9, then 26 bits of the hash.
hash_bands as (

    select
        model_id,
        phash,
        unnest([
            (0 << 26) + (block_1 << 13) + block_2,
            (1 << 26) + (block_1 << 13) + block_3,
            (2 << 26) + (block_1 << 13) + block_4,
            (3 << 26) + (block_1 << 13) + block_5,
            (4 << 26) + (block_2 << 13) + block_3,
            (5 << 26) + (block_2 << 13) + block_4,
            (6 << 26) + (block_2 << 13) + block_5,
            (7 << 26) + (block_3 << 13) + block_4,
            (8 << 26) + (block_3 << 13) + block_5,
            (9 << 26) + (block_4 << 13) + block_5
        ])::integer as band
    from blocks

)

select * from hash_bands
