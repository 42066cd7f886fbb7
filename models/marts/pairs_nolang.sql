{{ config(materialized='view') }}

with

pairs as (

    select * from {{ ref('pairs') }}

),

pairs_nolang as (

    select * from pairs
    where split = 'nolang'

)

select * from pairs_nolang
