{{ config(materialized='table') }}

with

urls_resolved as (

    select * from {{ ref('int_urls_resolved_live') }}

)

select * from urls_resolved
