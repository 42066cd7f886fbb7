with

image_rights as (

    select * from {{ ref('stg_raw__image_rights') }}

),

-- What a picture was made from has licences of its own. Where a value was cut
-- its last word may be half of one.
said as (

    select
        image_id,
        carrier || ': ' || property || '=' || value as evidence,
        heard_at,
        case
            when is_cut then regexp_replace(value, '\S*\s*$', '')
            else value
        end as value
    from image_rights
    where
        carrier != 'c2pa_ingredient'
        and property in (
            'cc:license',
            'xmpRights:WebStatement',
            'xmpRights:UsageTerms',
            'dc:rights',
            'Copyright Notice',
            'Copyright'
        )

),

{{ named_licences() }}

select * exclude (value) from licences
