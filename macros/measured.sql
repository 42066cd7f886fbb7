{#-
    What is known of each pair whatever a recipe says: CTEs that end with `described`, one row per
    pair. `urls` is what its URL has and `images` are all pictures, at this moment or as of the last build.
-#}
{% macro described(urls, images) -%}
    pairs_deduplicated as (

        select * from {{ ref('int_pairs_deduplicated') }}
        where {{ in_bucket('url_id') }}

    ),

    pairs_taken_down as (

        select * from {{ ref('int_pairs_taken_down') }}

    ),

    pairs_wished as (

        select * from {{ ref('int_pairs_wished') }}

    ),

    hosts_excluded as (

        select * from {{ ref('int_hosts_excluded') }}

    ),

    unsafe_captions as (

        select * from {{ ref('int_captions_with_unsafe_keywords') }}

    ),

    urls_resolved as (

        select * from {{ ref(urls) }}
        where {{ in_bucket('url_id') }}

    ),

    images as (

        select * from {{ ref(images) }}

    ),

    urls_wished as (

        select * from {{ ref('int_urls_wished') }}

    ),

    urls_licensed as (

        select * from {{ ref('int_urls_licensed') }}

    ),

    pairs_licensed as (

        select * from {{ ref('int_pairs_licensed') }}

    ),

    images_taken_down as (

        select * from {{ ref('int_images_taken_down') }}

    ),

    image_pixels as (

        select * from {{ ref('stg_raw__image_pixels') }}

    ),

    -- By URL first: the pictures of one bucket are few, and all others only pass by.
    fetched as (

        select
            urls_resolved.url_id,
            urls_resolved.outcome,
            urls_resolved.outcome_kind,
            urls_resolved.downloaded_at,
            coalesce(
                urls_resolved.is_rotten and image_pixels.image_id is null, false
            ) as is_image_gone,
            images.image_id,
            images.width,
            images.height,
            images.image_format,
            images.image_bytes,
            images.md5,
            images.sha256,
            {{ refused_uses('images', 'urls_wished') }} as refused_uses,
            {{ allowed_uses('images', 'urls_wished') }} as allowed_uses,
            images.is_synthetic,
            images.licence
        from urls_resolved
        left join images on urls_resolved.image_id = images.image_id
        left join urls_wished on urls_resolved.url_id = urls_wished.url_id
        left join image_pixels on urls_resolved.image_id = image_pixels.image_id

    ),

    described as (

        select
            pairs_deduplicated.pair_id,
            pairs_deduplicated.url_id,
            pairs_deduplicated.caption_id,
            fetched.image_id,
            pairs_deduplicated.image_url,
            pairs_deduplicated.caption,
            pairs_deduplicated.crawl_landed_at,
            pairs_deduplicated.is_erased
            or pairs_taken_down.pair_id is not null
            or images_taken_down.image_id is not null
            or coalesce(hosts_excluded.is_taken_down, false)
            -- The fetcher met a picture that is to be forgotten.
            or coalesce(fetched.outcome = 'blocked', false) as is_taken_down,
            coalesce(hosts_excluded.is_blocked, false) as is_domain_blocked,
            -- What has answered has answered for itself; whoever has not yet is not asked again.
            coalesce(hosts_excluded.is_closed, false)
            and fetched.image_id is null
            and coalesce(fetched.outcome_kind, 'transient') = 'transient' as is_site_closed,
            coalesce(hosts_excluded.is_closed_to_others, false) as is_closed_to_others,
            unsafe_captions.caption_id is not null as has_unsafe_keyword,
            pairs_deduplicated.is_http,
            pairs_deduplicated.is_urn,
            pairs_deduplicated.is_outside_alt,
            pairs_deduplicated.is_outside_src,
            pairs_deduplicated.caption_chars,
            pairs_deduplicated.caption_words,
            fetched.outcome as download_outcome,
            fetched.outcome_kind as download_outcome_kind,
            fetched.downloaded_at,
            coalesce(fetched.is_image_gone, false) as is_image_gone,
            fetched.width,
            fetched.height,
            fetched.image_format,
            fetched.image_bytes,
            fetched.md5,
            fetched.sha256,
            {{ refused_uses('fetched', 'pairs_wished') }} as refused_uses,
            fetched.allowed_uses,
            fetched.is_synthetic,
            coalesce(fetched.licence, urls_licensed.licence, pairs_licensed.licence) as licence,
            case
                when fetched.licence is not null then 'file'
                when urls_licensed.licence is not null then 'image'
                when pairs_licensed.licence is not null then 'page'
            end as licence_scope
        from pairs_deduplicated
        left join pairs_taken_down
            on pairs_deduplicated.pair_id = pairs_taken_down.pair_id
        left join pairs_wished
            on pairs_deduplicated.pair_id = pairs_wished.pair_id
        left join hosts_excluded on pairs_deduplicated.host = hosts_excluded.host
        left join unsafe_captions
            on pairs_deduplicated.caption_id = unsafe_captions.caption_id
        left join fetched on pairs_deduplicated.url_id = fetched.url_id
        left join urls_licensed on pairs_deduplicated.url_id = urls_licensed.url_id
        left join pairs_licensed on pairs_deduplicated.pair_id = pairs_licensed.pair_id
        left join images_taken_down on fetched.image_id = images_taken_down.image_id

    )
{%- endmacro %}


{#-
    Pairs with the language of their caption and the hash of their picture, by the models of some
    recipes: CTEs that end with `read`, one row per row of the CTE `described` and `read_as` of the CTE
    `measuring`, which must stand before it.
-#}
{% macro read() -%}
    reading as (

        select distinct
            read_as,
            language_model_id,
            min_language_probability,
            image_hash_model_id,
            coalesce(page_language, false) as page_language
        from measuring

    ),

    caption_languages as (

        select * from {{ ref('stg_enriched__caption_languages') }}
        where outcome = 'ok'

    ),

    image_hashes as (

        select * from {{ ref('stg_enriched__image_hashes') }}
        where outcome = 'ok'

    ),

    page_languages as (

        select * from {{ ref('int_pairs_page_languages') }}

    ),

    heard as (

        select
            described.*,
            reading.read_as,
            image_hashes.phash,
            caption_languages.caption_id is not null as has_language,
            caption_languages.probability as language_probability,
            nullif(nullif(split_part(caption_languages.language, '-', 1), 'und'), '') as guess,
            case
                when
                    coalesce(
                        caption_languages.is_reliable,
                        caption_languages.probability
                        >= reading.min_language_probability
                    )
                    then 'caption'
                when reading.page_language and page_languages.language = guess then 'page'
            end as language_source
        from described
        cross join reading
        left join caption_languages
            on
                described.caption_id = caption_languages.caption_id
                and reading.language_model_id = caption_languages.model_id
        left join page_languages on described.pair_id = page_languages.pair_id
        left join image_hashes
            on
                described.image_id = image_hashes.image_id
                and reading.image_hash_model_id = image_hashes.model_id

    ),

    -- LAION-5B's three outcomes: English, another language, none that is sure.
    read as (

        select
            * exclude (guess, language_source),
            case when language_source is not null then guess end as language,
            case when guess is not null then language_source end as language_source,
            case
                when not has_language then null
                when language is null then 'nolang'
                when language = 'en' then 'en'
                else 'multi'
            end as split
        from heard

    )
{%- endmacro %}


{#-
    All that is known of each pair, by the models of some recipes, and nothing decided: CTEs that end
    with `measured`, one row per pair of the CTE `read` and row of `measuring`, which must stand before
    it.
-#}
{% macro measured() -%}
    pair_similarities as (

        select * from {{ ref('stg_enriched__pair_similarities') }}
        where
            outcome = 'ok'
            and not isnan(similarity)
            and {{ in_bucket('image_id') }}

    ),
    {% for rating in ratings() %}

    {{ rating.table }} as (

        select
            {{ rating.key | join(', ') }},
            model_id,
            score as {{ rating.score }}
        from {{ ref('stg_enriched__ratings') }}
        where
            kind = '{{ rating.kind }}'
            and outcome = 'ok'
            and {{ in_bucket(rating.key[0]) }}

    ),
    {% endfor %}

    routed as (

        select
            read.* exclude (read_as),
            measuring.recipe as measured_as,
            {% for rating in ratings() %}
            measuring.{{ rating.kind }}_model_id,
            {% endfor %}
            case
                when read.split = 'en' then measuring.similarity_model_en
                when read.has_language then measuring.similarity_model_other
            end as similarity_model,
            case
                when read.split = 'en' then measuring.similarity_model_id_en
                when read.has_language then measuring.similarity_model_id_other
            end as similarity_model_id
        from read
        inner join measuring on read.read_as = measuring.read_as

    ),

    measured as (

        select
            routed.* exclude (
                {{ ratings() | map(attribute='kind') | join('_model_id, ') }}_model_id
            ),
            {{ ratings() | map(attribute='score') | join(', ') }},
            pair_similarities.similarity
        from routed
        left join pair_similarities
            on
                routed.image_id = pair_similarities.image_id
                and routed.caption_id = pair_similarities.caption_id
                and routed.similarity_model_id = pair_similarities.model_id
        {% for rating in ratings() %}
        left join {{ rating.table }}
            on
                routed.{{ rating.key[0] }} = {{ rating.table }}.{{ rating.key[0] }}
                and {{ same_language(rating, 'routed') }}
                and routed.{{ rating.kind }}_model_id = {{ rating.table }}.model_id
        {% endfor %}

    )
{%- endmacro %}
