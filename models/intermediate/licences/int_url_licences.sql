with

image_licenses as (

    select * from {{ ref('stg_raw__image_licenses') }}

),

pages_taken_down as (

    select * from {{ ref('int_takedowns_in_force') }}
    where kind = 'page'

),

said as (

    select
        image_licenses.url_id,
        image_licenses.page_id,
        'ImageObject: license=' || image_licenses.license_url as evidence,
        image_licenses.heard_at,
        image_licenses.license_url as value
    from image_licenses
    anti join pages_taken_down
        on image_licenses.page_id = pages_taken_down.value_id

),

{{ named_licences() }}

select * exclude (value) from licences
