with

source as (

    select * from {{ source('raw', 'wishes') }}

),

-- A wish holds until its URL is asked again and another is heard.
latest as (

    select
        url_id,
        property,
        value,
        evidence,
        heard_at,
        attempt_id,
        landed_at
    from source
    qualify
        rank() over (
            partition by url_id
            order by heard_at desc, attempt_id asc
        ) = 1

)

select distinct * from latest
