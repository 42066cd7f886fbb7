with

site_rules as (

    select * from {{ ref('int_site_rules') }}

),

wish_meanings as (

    select * from {{ ref('wish_meanings') }}

),

terms as (

    select
        origin,
        crawl_id,
        unnest(wishes) as wish
    from site_rules

),

-- Whoever refuses a use wins.
refused as (

    select
        terms.origin,
        terms.crawl_id,
        list(distinct wish_meanings.use) as uses
    from terms
    inner join wish_meanings
        on
            terms.wish['property'] = wish_meanings.property
            and lower(terms.wish['value']) = lower(wish_meanings.value)
    where wish_meanings.says = 'disallow'
    group by terms.origin, terms.crawl_id

),

sites as (

    select
        site_rules.origin,
        site_rules.crawl_id,
        registrable_domain(site_rules.host) as domain,
        site_rules.refuses_us,
        site_rules.refuses_agents_like_us,
        coalesce(refused.uses, []) as refused_uses
    from site_rules
    left join refused
        on
            site_rules.origin = refused.origin
            and site_rules.crawl_id = refused.crawl_id

),

consent_history as (

    select
        crawl_id,
        domain,
        count(*) as sites,
        count(*) filter (where refuses_us) as sites_refusing_us,
        {% for use in uses().split() -%}
            count(*) filter (where list_contains(refused_uses, '{{ use }}'))
                as sites_refusing_{{ use }},
        {% endfor -%}
        count(*) filter (where refuses_agents_like_us)
            as sites_refusing_agents_like_us
    from sites
    group by crawl_id, domain

)

select * from consent_history
