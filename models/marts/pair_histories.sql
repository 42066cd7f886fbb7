{{ config(materialized='view') }}

{#-
    Of each score, what names its model in a recipe; of each threshold, what is
    held against it.
-#}
{% set scores = {'similarity': 'similarity'} -%}
{%- for rating in ratings() -%}
    {%- do scores.update({rating.score: rating.kind}) -%}
{%- endfor -%}
{%- set rules = {} -%}
{%- for each in drop_reasons() -%}
    {%- do rules.update(each.thresholds or {}) -%}
{%- endfor %}

with

pairs_judged as (

    select * from {{ ref('int_pairs_judged') }}

),

pairs_deduplicated as (

    select * from {{ ref('int_pairs_deduplicated') }}

),

pairs_described as (

    select * from {{ ref('int_pairs_described') }}

),

pairs_measured as (

    select * from {{ ref('int_pairs_measured') }}

),

recipes_applied as (

    select * from {{ ref('int_recipes_applied') }}

),

pairs_sighted as (

    select * from {{ ref('int_pairs_sighted') }}

),

urls_attempted as (

    select * from {{ ref('int_urls_attempted') }}

),

known as (

    select
        pairs_judged.pair_id,
        pairs_judged.url_id,
        pairs_judged.caption_id,
        pairs_judged.image_id,
        pairs_judged.recipe,
        pairs_judged.drop_reason,
        pairs_judged.drop_reasons,
        pairs_judged.is_undecided,
        pairs_judged.is_found_only,
        pairs_judged.is_hidden,
        pairs_judged.keeper_id,
        pairs_deduplicated.image_url,
        pairs_deduplicated.caption,
        pairs_deduplicated.source_id,
        pairs_judged.language,
        pairs_judged.split,
        pairs_measured.caption_chars,
        pairs_measured.caption_words,
        pairs_measured.width,
        pairs_measured.height,
        pairs_measured.image_format,
        pairs_measured.image_bytes,
        pairs_measured.phash,
        {%- for score in scores %}
            pairs_measured.{{ score }},
        {%- endfor %}
        pairs_described.md5,
        pairs_described.sha256,
        recipes_applied.* exclude (recipe, source),  -- noqa: RF02
        -- As the rules have it: of English, or of all other captions.
        case
            when pairs_judged.split = 'en'
                then recipes_applied.min_similarity_en
            when pairs_judged.split is not null
                then recipes_applied.min_similarity_other
        end as min_similarity,
        case
            when pairs_judged.split = 'en'
                then recipes_applied.similarity_model_en
            when pairs_judged.split is not null
                then recipes_applied.similarity_model_other
        end as similarity_model,
        case
            when pairs_judged.split = 'en'
                then recipes_applied.similarity_model_id_en
            when pairs_judged.split is not null
                then recipes_applied.similarity_model_id_other
        end as similarity_model_id
    from pairs_judged
    inner join pairs_deduplicated
        on pairs_judged.pair_id = pairs_deduplicated.pair_id
    inner join pairs_described
        on pairs_judged.pair_id = pairs_described.pair_id
    inner join recipes_applied on pairs_judged.recipe = recipes_applied.recipe
    inner join pairs_measured
        on
            pairs_judged.pair_id = pairs_measured.pair_id
            and recipes_applied.measured_as = pairs_measured.measured_as
    where not pairs_judged.is_hidden

),

held as (

    select
        *,
        -- A score counts only where the recipe's own model made it.
        list_filter(
            [
                {%- for score, kind in scores.items() %}
                    {
                        'score': '{{ score }}',
                        'value': {{ score }}::double,
                        'model': {{ kind }}_model,
                        'model_id': {{ kind }}_model_id
                    }{{ '' if loop.last else ',' }}
                {%- endfor %}
            ],
            lambda each: each['value'] is not null
            and each['model_id'] is not null
        ) as scores,
        list_filter(
            [
                {%- for rule, measure in rules.items() %}
                    {
                        'rule': '{{ rule }}',
                        'threshold': {{ rule }}::double,
                        'value': ({{ measure }})::double
                    }{{ '' if loop.last else ',' }}
                {%- endfor %}
            ],
            lambda each: each['threshold'] is not null
        ) as thresholds
    from known

),

told as (

    select
        held.pair_id,
        held.url_id,
        held.caption_id,
        held.image_id,
        held.recipe,
        held.drop_reason,
        held.drop_reasons,
        held.is_undecided,
        held.is_found_only,
        held.is_hidden,
        held.keeper_id,
        held.image_url,
        held.caption,
        held.source_id,
        held.language,
        held.split,
        held.width,
        held.height,
        held.image_format,
        held.image_bytes,
        held.md5,
        held.sha256,
        held.phash,
        held.scores,
        held.thresholds,
        pairs_sighted.occurrences,
        coalesce(pairs_sighted.sightings, []) as sightings,
        coalesce(urls_attempted.downloads, []) as downloads
    from held
    left join pairs_sighted on held.pair_id = pairs_sighted.pair_id
    left join urls_attempted on held.url_id = urls_attempted.url_id

),

-- Of what is hidden the reason that hides it is told, and nothing else.
hidden as (

    select
        pair_id,
        url_id,
        caption_id,
        recipe,
        hiding_reason as drop_reason,
        is_undecided,
        is_found_only,
        is_hidden
    from pairs_judged
    where is_hidden

),

pair_histories as (

    select * from told

    union all by name

    select
        *,
        [drop_reason] as drop_reasons
    from hidden

)

select * from pair_histories
