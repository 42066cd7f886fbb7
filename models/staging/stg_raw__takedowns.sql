with

source as (

    select * from {{ source('raw', 'takedowns') }}

),

keyed as (

    select
        kind,
        value_id,
        reason,
        requested_at,
        attempt_id,
        landed_at
    from source
    qualify row_number() over (
        partition by kind, value_id
        order by landed_at, attempt_id
    ) = 1

)

select * from keyed
