{{ config(materialized='table', compared_by='pair_id') }}

with

page_licences as (

    select * from {{ ref('int_page_licences') }}

),

pairs_licensed as (

    {{ most_restrictive('pair_id', 'page_licences') }}

)

select * from pairs_licensed
