{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        partitioned_by=['split'],
        pre_hook='{{ delete_stale_pairs() }}',
        post_hook=[
            '{{ note_version() }}',
            {
                "sql": "{{ published(this, 'pairs', partition_by='split') }}",
                "transaction": false,
            },
        ],
    )
}}

with

pairs_kept as (

    select * from {{ ref('int_pairs_kept') }}

),

-- What stands and is as it would be made now is not made again.
pairs_changed as (

    select pairs_kept.*
    from pairs_kept
    {% if is_incremental() %}
        anti join {{ this }} as standing
            on pairs_kept.pair_id = standing.pair_id
    {% endif %}

),

pairs_deduplicated as (

    select * from {{ ref('int_pairs_deduplicated') }}

),

-- Those of other pairs would be held in memory with their URLs.
pages as (

    select pages.*
    from {{ ref('int_pairs_first_pages') }} as pages
    semi join pairs_changed on pages.pair_id = pairs_changed.pair_id

),

pairs as (

    select
        pairs_changed.pair_id,
        pairs_changed.url_id,
        pairs_changed.caption_id,
        pairs_changed.image_id,
        -- Of the 16 bytes of its key, the first 8.
        unhex(
            replace(pairs_changed.pair_id::varchar, '-', '')[:16]
        )::bit::bigint as sample_id,
        laion_hash(
            pairs_deduplicated.image_url, pairs_deduplicated.caption
        ) as hash,
        pairs_deduplicated.image_url,
        registrable_domain(pairs_deduplicated.host) as domain,
        pairs_deduplicated.caption,
        pairs_changed.language,
        pairs_changed.language_probability,
        pairs_changed.split,
        pairs_changed.width,
        pairs_changed.height,
        pairs_changed.image_format,
        pairs_changed.image_bytes,
        pairs_changed.md5,
        pairs_changed.sha256,
        pairs_changed.similarity,
        pairs_changed.similarity_model_id,
        {% for rating in ratings() -%}
            pairs_changed.{{ rating.score }},
            pairs_changed.{{ rating.kind }}_model_id,
        {% endfor -%}
        pairs_changed.phash,
        case
            when pairs_changed.is_page_taken_down
                then pairs_changed.other_page_url
            else pages.page_url
        end as page_url,
        case
            when pairs_changed.is_page_taken_down
                then pairs_changed.other_license_url
            else pages.license_url
        end as license_url,
        pairs_changed.occurrences,
        pairs_changed.crawl_id,
        pairs_deduplicated.source_id,
        pairs_changed.downloaded_at,
        pairs_changed.fingerprint
    from pairs_changed
    -- By their crawls too, so that others are not read.
    inner join pairs_deduplicated
        on
            pairs_changed.crawl_id = pairs_deduplicated.crawl_id
            and pairs_changed.pair_id = pairs_deduplicated.pair_id
    left join pages
        on
            pairs_changed.page_crawl_id = pages.crawl_id
            and pairs_changed.pair_id = pages.pair_id

)

select * from pairs
