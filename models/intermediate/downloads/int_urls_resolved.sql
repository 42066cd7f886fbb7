{{ config(materialized='table', changed_by={'raw.downloads': 'url_id'}) }}

with

urls_resolved as (

    select * from {{ ref('int_urls_resolved_live') }}

)

select * from urls_resolved
