{#-
    Every rule, in one place: CTEs that hold measured pairs against recipes and raise a flag for each
    rule that a pair breaks. `min_` and `max_` keep equality, `above_` and `below_` do not; a null
    threshold switches its rule off. A pair is worth the next step, and its score is missed, only
    while no rule before it is broken. Ends with the CTE `explained`, one row per pair and recipe;
    the CTEs `pairs_measured` and `recipes_applied` must stand before it.
-#}
{% macro rules() -%}
    known as (

        -- A score counts only where the recipe's own model made it.
        select
            pairs_measured.* exclude (
                measured_as,
                has_language,
                language,
                language_probability,
                split,
                phash,
                similarity_model,
                similarity_model_id,
                {{ ratings() | map(attribute='score') | join(', ') }}
            ),
            recipes_applied.* exclude (source, measured_as),
            {% for rating in ratings() %}
            case
                when recipes_applied.{{ rating.kind }}_model_id is not null
                    then pairs_measured.{{ rating.score }}
            end as {{ rating.score }},
            {% endfor %}
            recipes_applied.language_model_id is not null
            and pairs_measured.has_language as has_language,
            {{ if_known('language_model_id', 'language') }},
            {{ if_known('language_model_id', 'language_probability') }},
            {{ if_known('language_model_id', 'split') }},
            {{ if_known('image_hash_model_id', 'phash') }}
        from pairs_measured
        inner join recipes_applied
            on pairs_measured.measured_as = recipes_applied.measured_as

    ),

    -- By what the pair itself says.
    screened as (

        select
            * exclude (similarity),
            {{ by_split('similarity_model') }},
            {{ by_split('similarity_model_id') }},
            {{ by_split('min_similarity') }},
            {{ by_split('wants_similarity') }},
            case
                when
                    case
                        when split = 'en' then similarity_model_id_en
                        when has_language then similarity_model_id_other
                    end is not null
                    then similarity
            end as similarity,
            coalesce(caption_chars < min_caption_chars, false)
                as is_caption_too_short,
            coalesce(caption_words < min_caption_words, false)
                as has_too_few_words,
            -- A picture that came without a URL needs none.
            not is_http and is_urn is not true as is_url_unwanted,
            coalesce(only_src and is_outside_src, false)
                as is_source_unwanted,
            has_language and coalesce(
                not list_contains(languages, coalesce(language, '')), false
            ) as is_language_unwanted
        from known

    ),

    read as (

        select
            *,
            not is_taken_down
            and not is_domain_blocked
            and not is_caption_too_short
            and not has_too_few_words
            and not is_url_unwanted
            and not is_source_unwanted as is_worth_reading
        from screened

    ),

    -- By its picture.
    fetched as (

        select
            *,
            is_worth_reading and not has_language as is_language_missing,
            -- What has not been read yet may still turn out to be wanted.
            is_worth_reading and not is_language_unwanted as is_worth_fetching,
            case when download_outcome_kind = 'opt_out' then download_outcome end
                as opt_out,
            case
                when
                    image_id is null
                    and download_outcome_kind in ('transient', 'final')
                    then download_outcome
            end as download_failure,
            coalesce(
                image_bytes < min_image_bytes
                or least(width, height) < min_image_side,
                false
            ) as is_image_too_small,
            coalesce(
                not list_contains(image_formats, image_format), false
            ) as is_image_format_unwanted,
            coalesce(
                greatest(width, height)
                > max_aspect_ratio * least(width, height),
                false
            ) as is_image_too_long
        from read

    ),

    compared as (

        select
            *,
            is_worth_fetching
            and image_id is null
            and coalesce(download_outcome, 'ok') = 'ok' as is_not_downloaded,
            is_worth_fetching
            and image_id is not null
            and opt_out is null
            and not is_image_too_small
            and not is_image_format_unwanted
            and not is_image_too_long as is_worth_scoring
        from fetched

    ),

    -- By the scores.
    scored as (

        select
            *,
            is_worth_scoring and has_language as is_worth_comparing,
            is_worth_scoring
            and has_language
            and coalesce(wants_similarity, false)
            and similarity is null as is_similarity_missing,
            coalesce(similarity < min_similarity, false)
                as is_similarity_too_low
        from compared

    ),

    rated as (

        select
            *,
            is_worth_comparing
            and not is_similarity_missing
            and not is_similarity_too_low as is_worth_rating
        from scored

    ),

    flagged as (

        select
            *,
            {% for rating in ratings() %}
            is_worth_rating
            and {{ rating.score }} is null
            and coalesce({{ rating.rules | join(', ') }}) is not null
                as is_{{ rating.score }}_missing,
            coalesce(
                {{ rating.rules.values() | join(', false) or coalesce(') }}, false
            ) as is_{{ rating.score }}_unwanted,
            {% endfor %}
            -- Pixels that its URL brings no more, no model will see.
            is_image_gone and (
                is_similarity_missing
                {% for rating in ratings() if rating.key == ['image_id'] %}
                or is_{{ rating.score }}_missing
                {% endfor %}
            ) as is_out_of_reach
        from rated

    ),

    -- In the order in which reasons count.
    explained as (

        select
            *,
            string_split(nullif(concat_ws(
                ' ',
                {{ reason('is_taken_down', 'takedown') }},
                {{ reason('is_domain_blocked', 'blocked_domain') }},
                opt_out,
                {{ reason('is_caption_too_short', 'caption_too_short') }},
                {{ reason('has_too_few_words', 'caption_too_few_words') }},
                {{ reason('is_url_unwanted', 'url_not_http') }},
                {{ reason('is_source_unwanted', 'url_outside_src') }},
                {{ reason('is_language_unwanted', 'language_not_wanted') }},
                {{ reason('is_not_downloaded', 'not_downloaded') }},
                'download_' || coalesce(
                    download_failure,
                    case when is_out_of_reach then download_outcome end
                ),
                {{ reason('is_image_too_small', 'image_too_small') }},
                {{ reason('is_image_format_unwanted', 'image_format') }},
                {{ reason('is_image_too_long', 'image_aspect_ratio') }},
                {{ reason('is_language_missing', 'language_missing') }},
                {{ reason('is_similarity_missing', 'similarity_missing') }},
                {{ reason('is_similarity_too_low', 'similarity_too_low') }},
                {% for rating in ratings() %}
                case
                    when is_{{ rating.score }}_missing
                        then '{{ rating.score }}_missing'
                end,
                case
                    when is_{{ rating.score }}_unwanted
                        then '{{ rating.reason }}'
                end,
                {% endfor %}
                null
            ), ''), ' ') as reasons,
            is_worth_rating and (
                false
                {% for rating in ratings() %}
                or is_{{ rating.score }}_missing
                {% endfor %}
            ) as lacks_rating,
            is_worth_rating
            and not lacks_rating
            {% for rating in ratings() %}
            and not is_{{ rating.score }}_unwanted
            {% endfor %}
                as is_passing,
            not is_out_of_reach and (
                is_not_downloaded
                or (is_language_missing and is_worth_scoring)
                or is_similarity_missing
                or lacks_rating
            ) as is_undecided
        from flagged

    )
{%- endmacro %}


{#- A score of a recipe's model, null where the recipe has none. -#}
{% macro if_known(model_id, score) -%}
    case when recipes_applied.{{ model_id }} is not null then pairs_measured.{{ score }} end
        as {{ score }}
{%- endmacro %}


{#- What a recipe has for English or, for all other captions, apart. -#}
{% macro by_split(column) -%}
    case when split = 'en' then {{ column }}_en when has_language then {{ column }}_other end
        as {{ column }}
{%- endmacro %}
