{{ config(materialized='table') }}

with

measuring as (

    select * from {{ ref('int_recipes_measuring') }}

),

described as (

    select * from {{ ref('int_pairs_described') }}

),

{{ read() }}

select * from read
