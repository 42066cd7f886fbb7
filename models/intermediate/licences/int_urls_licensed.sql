{{ config(materialized='table', compared_by='url_id') }}

with

url_licences as (

    select * from {{ ref('int_url_licences') }}

),

urls_licensed as (

    {{ most_restrictive('url_id', 'url_licences') }}

)

select * from urls_licensed
