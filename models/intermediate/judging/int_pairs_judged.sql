{{
    config(
        materialized='table',
        changed_by={
            'intermediate.int_pairs_measured': 'pair_id',
            'intermediate.int_duplicate_pairs': 'pair_id',
        },
    )
}}

with

pairs_measured as (

    select * from {{ ref('int_pairs_measured') }}

),

recipes_applied as (

    select * from {{ ref('int_selected_recipe_judging') }}

),

duplicate_pairs as (

    select * from {{ ref('int_duplicate_pairs') }}

),

{{ rules() }},

pairs_judged as (

    select
        explained.pair_id,
        explained.url_id,
        explained.caption_id,
        explained.image_id,
        explained.recipe,
        explained.split,
        explained.language,
        coalesce(
            explained.reasons[1], 'duplicate_' || duplicate_pairs.kind
        ) as drop_reason,
        case
            when duplicate_pairs.pair_id is null
                then coalesce(explained.reasons, [])
            else list_append(
                explained.reasons, 'duplicate_' || duplicate_pairs.kind
            )
        end as drop_reasons,
        explained.is_found_only
        and duplicate_pairs.pair_id is null as is_found_only,
        explained.is_undecided,
        explained.is_taken_down,
        explained.is_domain_blocked,
        explained.is_refused,
        explained.is_hidden,
        explained.hiding_reason,
        duplicate_pairs.keeper_id
    from explained
    left join duplicate_pairs on explained.pair_id = duplicate_pairs.pair_id

)

select * from pairs_judged
