{{ config(materialized='view') }}

with

pairs as (

    select * from {{ ref('pairs') }}

),

pairs_en as (

    select * from pairs
    where split = 'en'

)

select * from pairs_en
