with

source as (

    select * from {{ source('raw', 'list_scores') }}

),

keyed as (

    select
        pair_id,
        source,
        name,
        value,
        attempt_id,
        landed_at
    from source
    qualify row_number() over (
        partition by pair_id, source, name
        order by landed_at desc, attempt_id asc, value asc
    ) = 1

)

select * from keyed
