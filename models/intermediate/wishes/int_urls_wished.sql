with

wishes as (

    select * from {{ ref('int_url_wishes') }}

),

{{ wished('url_id') }}

select * from wished
