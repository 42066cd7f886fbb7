{{ config(materialized='view') }}

with

wish_meanings as (

    select * from {{ ref('wish_meanings') }}

),

recipes as (

    select * from {{ ref('int_recipes') }}

),

wishes as (

    select
        { 'property': property, 'value': value } as term,
        signal,
        use,
        says
    from wish_meanings

),

{{ wished('term') }},

-- A pair that breaks no rule, of which one thing is said.
pairs_measured as (

    select * from {{ ref('int_pairs_measured') }}
    where false

    union all by name

    select
        'any' as measured_as,
        md5('any')::uuid as image_id,
        'ok' as download_outcome,
        'ok' as download_outcome_kind,
        false as is_taken_down,
        false as is_domain_blocked,
        false as is_site_closed,
        false as is_image_gone,
        true as is_http,
        true as has_language,
        'en' as language,
        'en' as split,
        refused_uses,
        allowed_uses,
        term
    from wished

),

-- Of each recipe what it says of uses, and no other rule.
recipes_applied as (

    select * from {{ ref('int_recipes_applied') }}
    where false

    union all by name

    select
        recipe,
        'any' as measured_as,
        'any' as language_model_id,
        use,
        unknown_wishes
    from recipes

),

{{ rules() }},

membership as (

    select
        recipe,
        term['property'] as property,
        term['value'] as value,
        use,
        case
            when refusing is not null then 'disallow'
            when list_contains(allowed_uses, use) then 'allow'
            else 'unknown'
        end as says,
        case
            when is_passing and is_hidden then 'kept'
            when is_passing then 'kept and found'
            when is_found_only then 'found only'
            else 'out'
        end as membership,
        reasons[1] as drop_reason
    from explained

)

select * from membership
