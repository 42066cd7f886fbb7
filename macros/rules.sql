{#-
    How pairs are judged: CTEs that hold measured pairs against recipes and raise the flags of the
    reasons in `macros/drop_reasons.sql`, where the rules stand. `min_` and `max_` keep equality,
    `above_` and `below_` do not; a null threshold switches its rule off. A pair is worth the next step,
    and its score is missed, only while no reason before it stands. Ends with the CTE `explained`, one
    row per pair and recipe; the CTEs `pairs_measured` and `recipes_applied` must stand before it.
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
            -- Not by a hash of it: so a recipe is one value for 2,000 pairs, and rules are cheaper.
            on (pairs_measured.measured_as = recipes_applied.measured_as) is true

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
            {{ broken_before('reading') }},
            {{ broken_before('fetching') }}
        from known

    ),

    read as (

        select
            *,
            {{ none_before('reading') }} as is_worth_reading
        from screened

    ),

    -- By its picture.
    fetched as (

        select
            *,
            is_worth_reading and not has_language as is_language_missing,
            -- What has not been read yet may still turn out to be wanted.
            is_worth_reading and {{ none_before('fetching') }} as is_worth_fetching,
            {{ broken_before('scoring') }},
            coalesce(download_outcome_kind = 'opt_out', false) as is_opted_out,
            refused_uses["use"] as refusing,
            refusing is not null as is_use_refused,
            -- What is not for the recipe's use may still be found; where nothing
            -- goes without a word, only if somebody allows that.
            is_use_refused or is_use_unheard_of as is_use_denied,
            is_use_denied and (
                refused_uses['search'] is not null
                or (
                    is_use_unheard_of
                    and list_contains(allowed_uses, 'search') is not true
                )
            ) as is_of_no_use,
            image_id is null
            and download_outcome_kind in ('transient', 'final') as is_download_failed
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
            and {{ none_before('scoring') }} as is_worth_scoring
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
            {{ broken_before('rating') }}
        from compared

    ),

    rated as (

        select
            *,
            is_worth_comparing and {{ none_before('rating') }} as is_worth_rating
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

    explained as (

        select
            *,
            string_split(
                nullif(concat_ws(' ', {{ reasons_raised() }}), ''), ' '
            ) as reasons,
            {{ is_refused() }} as is_refused,
            {{ hiding_reason() }} as hiding_reason,
            hiding_reason is not null as is_hidden,
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
                as is_sound,
            is_sound and not is_use_denied as is_passing,
            -- But for its use it would pass.
            is_sound and is_use_denied as is_found_only,
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
