with

said as (

    select
        *,
        lower(value) as term
    from {{ ref('stg_raw__wishes') }}

),


wish_meanings as (

    select * from {{ ref('wish_meanings') }}

),

wishes as (

    select
        said.url_id,
        wish_meanings.signal,
        wish_meanings.use,
        wish_meanings.says,
        said.evidence,
        said.heard_at
    from said
    inner join wish_meanings
        on
            said.property = wish_meanings.property
            and said.term = lower(wish_meanings.value)

)

select * from wishes
