{#-
    `raw.crawl_files` is none: where another file counts, `int_pairs_deduplicated` changes too.
-#}
{{
    config(
        materialized='table',
        buckets_by='pair_id',
        bucket_bytes=130,
        changed_by={
            'intermediate.int_pairs_judged': 'pair_id',
            'intermediate.int_pairs_measured': 'pair_id',
            'intermediate.int_pairs_described': 'pair_id',
            'intermediate.int_pairs_deduplicated': 'pair_id',
            'intermediate.int_pairs_first_pages': 'pair_id',
            'intermediate.int_pairs_on_pages_taken_down': 'pair_id',
            'raw.image_text_pairs': 'pair_id',
            'raw.crawl_files': none,
        },
    )
}}

with

pairs_judged as (

    select * from {{ ref('int_pairs_judged') }}
    where
        (drop_reason is null or is_found_only)
        and {{ in_bucket('pair_id') }}

),

recipes_applied as (

    select * from {{ ref('int_selected_recipe_judging') }}

),

pairs_measured as (

    select * from {{ ref('int_pairs_measured') }}
    where {{ in_bucket('pair_id') }}

),

pairs_described as (

    select * from {{ ref('int_pairs_described') }}
    where {{ in_bucket('pair_id') }}

),

pairs_deduplicated as (

    select * from {{ ref('int_pairs_deduplicated') }}
    where {{ in_bucket('pair_id') }}

),

pages as (

    select * from {{ ref('int_pairs_first_pages') }}
    where {{ in_bucket('pair_id') }}

),

pages_taken_down as (

    select * from {{ ref('int_pairs_on_pages_taken_down') }}
    where {{ in_bucket('pair_id') }}

),

totals as (

    select
        pair_id,
        sum(occurrences)::bigint as occurrences
    from {{ ref('int_pairs_landed') }}
    where {{ in_bucket('pair_id') }}
    group by pair_id

),

kept as (

    select
        pairs_judged.pair_id,
        pairs_judged.url_id,
        pairs_judged.caption_id,
        pairs_judged.image_id,
        pairs_judged.language,
        pairs_measured.language_probability,
        pairs_measured.language_source,
        pairs_judged.split,
        pairs_judged.is_found_only,
        pairs_judged.is_hidden,
        pairs_measured.width,
        pairs_measured.height,
        pairs_measured.image_format,
        pairs_measured.image_bytes,
        pairs_described.md5,
        pairs_described.sha256,
        pairs_measured.similarity,
        case
            when pairs_measured.similarity is not null
                then pairs_measured.similarity_model_id
        end as similarity_model_id,
        {% for rating in ratings() -%}
            pairs_measured.{{ rating.score }},
            case
                when pairs_measured.{{ rating.score }} is not null
                    then recipes_applied.{{ rating.kind }}_model_id
            end as {{ rating.kind }}_model_id,
        {% endfor -%}
        pairs_measured.phash,
        totals.occurrences,
        pairs_deduplicated.crawl_id,
        pairs_described.downloaded_at,
        pairs_described.licence,
        pairs_described.licence_scope,
        -- Where the texts are from; they are not read until they are published.
        pairs_deduplicated.path,
        pages.crawl_id as page_crawl_id,
        pages.path as page_path,
        pages_taken_down.pair_id is not null as is_page_taken_down,
        pages_taken_down.page_url as other_page_url,
        pages_taken_down.license_url as other_license_url
    from pairs_judged
    inner join recipes_applied on pairs_judged.recipe = recipes_applied.recipe
    inner join pairs_measured
        on
            pairs_judged.pair_id = pairs_measured.pair_id
            and recipes_applied.measured_as = pairs_measured.measured_as
    inner join pairs_described
        on pairs_judged.pair_id = pairs_described.pair_id
    inner join pairs_deduplicated
        on pairs_judged.pair_id = pairs_deduplicated.pair_id
    inner join totals on pairs_judged.pair_id = totals.pair_id
    left join pages on pairs_judged.pair_id = pages.pair_id
    left join pages_taken_down
        on pairs_judged.pair_id = pages_taken_down.pair_id

)

select * from kept
