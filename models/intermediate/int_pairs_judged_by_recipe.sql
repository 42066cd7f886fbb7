with

pairs_scored as (

    select * from {{ ref('int_pairs_scored') }}

),

-- Every rule that stands alone, in the order in which reasons count.
explained as (

    select
        *,
        list_filter([
            {{ reason('is_taken_down or is_image_taken_down', 'takedown') }},
            {{ reason('is_domain_blocked', 'blocked_domain') }},
            opt_out,
            {{ reason('is_caption_too_short', 'caption_too_short') }},
            {{ reason('is_url_not_http', 'url_not_http') }},
            {{ reason('is_language_unwanted', 'language_not_wanted') }},
            {{ reason('is_not_downloaded', 'not_downloaded') }},
            'download_' || download_failure,
            {{ reason('is_image_too_small', 'image_too_small') }},
            {{ reason('is_image_format_unwanted', 'image_format') }},
            {{ reason('is_image_too_long', 'image_aspect_ratio') }},
            {{ reason('is_language_missing', 'language_missing') }},
            {{ reason('is_similarity_missing', 'similarity_missing') }},
            {{ reason('is_similarity_too_low', 'similarity_too_low') }},
        ], lambda reason: reason is not null) as reasons,
        case duplicates
            when 'url' then url_id
            when 'image' then image_id
            else pair_id
        end as duplicate_key
    from pairs_scored

),

-- The keeper of a group is chosen among pairs without another reason.
ranked as (

    select
        *,
        len(reasons) = 0 and row_number() over (
            partition by recipe, duplicate_key, len(reasons) = 0
            order by
                width::bigint * height desc,
                similarity desc,
                crawl_landed_at asc,
                pair_id asc
        ) > 1 as is_duplicate
    from explained

),

pairs_judged_by_recipe as (

    select
        pair_id,
        url_id,
        caption_id,
        image_id,
        recipe,
        split,
        language,
        case
            when is_duplicate then 'duplicate_' || duplicates
            else reasons[1]
        end as drop_reason,
        case
            when is_duplicate then ['duplicate_' || duplicates]
            else reasons
        end as drop_reasons
    from ranked

)

select * from pairs_judged_by_recipe
