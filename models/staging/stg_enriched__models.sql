with

source as (

    select * from {{ source('enriched', 'models') }}

),

keyed as (

    select
        model_id,
        name,
        kind,
        weights_sha256,
        preprocessing,
        attempt_id,
        landed_at
    from source
    qualify row_number() over (
        partition by kind, name
        order by landed_at desc, attempt_id asc
    ) = 1

)

select * from keyed
