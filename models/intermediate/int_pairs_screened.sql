with

pairs_deduplicated as (

    select * from {{ ref('int_pairs_deduplicated') }}

),

recipes_resolved as (

    select * from {{ ref('int_recipes_resolved') }}

),

pairs_taken_down as (

    select * from {{ ref('int_pairs_taken_down') }}

),

hosts_excluded as (

    select * from {{ ref('int_hosts_excluded') }}

),

flagged as (

    select
        pairs_deduplicated.pair_id,
        pairs_deduplicated.url_id,
        pairs_deduplicated.caption_id,
        pairs_deduplicated.image_url,
        pairs_deduplicated.caption,
        pairs_deduplicated.crawl_landed_at,
        recipes_resolved.*,
        pairs_taken_down.pair_id is not null
        or coalesce(hosts_excluded.is_taken_down, false) as is_taken_down,
        coalesce(hosts_excluded.is_blocked, false) as is_domain_blocked,
        coalesce(
            length(pairs_deduplicated.caption)
            < recipes_resolved.min_caption_chars,
            false
        ) as is_caption_too_short,
        coalesce(
            not regexp_matches(pairs_deduplicated.image_url, '^(?i)https?://'),
            false
        ) as is_url_not_http
    from pairs_deduplicated
    cross join recipes_resolved
    left join pairs_taken_down
        on pairs_deduplicated.pair_id = pairs_taken_down.pair_id
    left join hosts_excluded
        on pairs_deduplicated.host = hosts_excluded.host

),

pairs_screened as (

    select
        *,
        not is_taken_down
        and not is_domain_blocked
        and not is_caption_too_short
        and not is_url_not_http as is_worth_reading
    from flagged

)

select * from pairs_screened
