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
                punsafe,
                pwatermark,
                aesthetic_score,
                pinappropriate,
                toxicity
            ),
            recipes_applied.* exclude (source, measured_as),
            recipes_applied.language_model_id is not null
            and pairs_measured.has_language as has_language,
            {{ if_known('language_model_id', 'language') }},
            {{ if_known('language_model_id', 'language_probability') }},
            {{ if_known('language_model_id', 'split') }},
            {{ if_known('image_hash_model_id', 'phash') }},
            {{ if_known('nsfw_model_id', 'punsafe') }},
            {{ if_known('watermark_model_id', 'pwatermark') }},
            {{ if_known('aesthetic_model_id', 'aesthetic_score') }},
            {{ if_known('inappropriate_model_id', 'pinappropriate') }},
            {{ if_known('toxicity_model_id', 'toxicity') }}
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
            is_worth_rating
            and punsafe is null
            and coalesce(max_punsafe, below_punsafe, max_punsafe_with_keyword)
            is not null as is_punsafe_missing,
            coalesce(punsafe > max_punsafe, false)
            or coalesce(punsafe >= below_punsafe, false)
            or coalesce(
                has_unsafe_keyword and punsafe > max_punsafe_with_keyword, false
            ) as is_unsafe,
            is_worth_rating
            and pwatermark is null
            and below_pwatermark is not null as is_pwatermark_missing,
            coalesce(pwatermark >= below_pwatermark, false) as has_watermark,
            is_worth_rating
            and aesthetic_score is null
            and above_aesthetic_score is not null as is_aesthetic_score_missing,
            coalesce(aesthetic_score <= above_aesthetic_score, false)
                as is_aesthetic_score_too_low,
            is_worth_rating
            and pinappropriate is null
            and below_pinappropriate is not null as is_pinappropriate_missing,
            coalesce(pinappropriate >= below_pinappropriate, false)
                as is_inappropriate,
            is_worth_rating
            and toxicity is null
            and below_toxicity is not null as is_toxicity_missing,
            coalesce(toxicity >= below_toxicity, false) as is_toxic,
            -- Pixels that its URL brings no more, no model will see.
            is_image_gone and (
                is_similarity_missing
                or is_punsafe_missing
                or is_pwatermark_missing
                or is_aesthetic_score_missing
                or is_pinappropriate_missing
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
                {{ reason('is_punsafe_missing', 'punsafe_missing') }},
                {{ reason('is_unsafe', 'unsafe') }},
                {{ reason('is_pwatermark_missing', 'pwatermark_missing') }},
                {{ reason('has_watermark', 'watermark') }},
                {{ reason('is_aesthetic_score_missing', 'aesthetic_score_missing') }},
                {{ reason('is_aesthetic_score_too_low', 'aesthetic_score_too_low') }},
                {{ reason('is_pinappropriate_missing', 'pinappropriate_missing') }},
                {{ reason('is_inappropriate', 'inappropriate') }},
                {{ reason('is_toxicity_missing', 'toxicity_missing') }},
                {{ reason('is_toxic', 'toxic') }}
            ), ''), ' ') as reasons,
            is_worth_rating and (
                is_punsafe_missing
                or is_pwatermark_missing
                or is_aesthetic_score_missing
                or is_pinappropriate_missing
                or is_toxicity_missing
            ) as lacks_rating,
            is_worth_rating
            and not lacks_rating
            and not is_unsafe
            and not has_watermark
            and not is_aesthetic_score_too_low
            and not is_inappropriate
            and not is_toxic as is_passing,
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
