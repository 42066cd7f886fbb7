with

said as (

    select
        *,
        lower(value) as term
    from {{ ref('stg_raw__wishes') }}

),

{{ meant('url_id') }}

select * from wishes
