{{ config(materialized='table') }}

with

measuring as (

    select * from {{ ref('int_recipes_measuring') }}

),

read as (

    select * from {{ ref('int_pairs_read') }}

),

{{ measured() }}

select * from measured
