{{ config(materialized='view') }}

with

pairs as (

    select * from {{ ref('pairs') }}

),

pairs_multi as (

    select * from pairs
    where split = 'multi'

)

select * from pairs_multi
