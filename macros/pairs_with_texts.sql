{#-
    The pairs that the recipe keeps, or those that are found only, with their texts: all of a mart but its
    config.
-#}
{% macro pairs_with_texts(is_found_only) -%}
with

pairs_kept as (

    select * from {{ ref('int_pairs_kept') }}
    where
        {{ '' if is_found_only else 'not ' }}is_found_only
        and {{ in_bucket('pair_id') }}

),

pairs_deduplicated as (

    select * from {{ ref('int_pairs_deduplicated') }}
    where {{ in_bucket('pair_id') }}

),

first_pages as (

    select * from {{ ref('int_pairs_first_pages') }}
    where {{ in_bucket('pair_id') }}

),

-- Those of other pairs would be held in memory with their URLs.
pages as (

    select first_pages.*
    from first_pages
    semi join pairs_kept on first_pages.pair_id = pairs_kept.pair_id

),

pairs as (

    select
        pairs_kept.pair_id,
        pairs_kept.url_id,
        pairs_kept.caption_id,
        pairs_kept.image_id,
        -- Of the 16 bytes of its key, the first 8.
        unhex(
            replace(pairs_kept.pair_id::varchar, '-', '')[:16]
        )::bit::bigint as sample_id,
        laion_hash(
            pairs_deduplicated.image_url, pairs_deduplicated.caption
        ) as hash,
        pairs_deduplicated.image_url,
        registrable_domain(pairs_deduplicated.host) as domain,
        pairs_deduplicated.caption,
        pairs_kept.language,
        pairs_kept.language_probability,
        pairs_kept.language_source,
        pairs_kept.split,
        pairs_kept.width,
        pairs_kept.height,
        pairs_kept.image_format,
        pairs_kept.image_bytes,
        pairs_kept.md5,
        pairs_kept.sha256,
        pairs_kept.similarity,
        pairs_kept.similarity_model_id,
        {% for rating in ratings() %}
        pairs_kept.{{ rating.score }},
        pairs_kept.{{ rating.kind }}_model_id,
        {% endfor %}
        pairs_kept.phash,
        case
            when pairs_kept.is_page_taken_down
                then pairs_kept.other_page_url
            else pages.page_url
        end as page_url,
        case
            when pairs_kept.is_page_taken_down
                then pairs_kept.other_license_url
            else pages.license_url
        end as license_url,
        pairs_kept.licence,
        pairs_kept.licence_scope,
        pairs_kept.occurrences,
        pairs_kept.crawl_id,
        pairs_deduplicated.source_id,
        pairs_kept.downloaded_at
    from pairs_kept
    -- By their crawls too, so that others are not read.
    inner join pairs_deduplicated
        on
            pairs_kept.crawl_id = pairs_deduplicated.crawl_id
            and pairs_kept.pair_id = pairs_deduplicated.pair_id
    left join pages
        on
            pairs_kept.page_crawl_id = pages.crawl_id
            and pairs_kept.pair_id = pages.pair_id

)

select * from pairs
{%- endmacro %}
