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
            when explained.reasons is not null then explained.reasons
            when duplicate_pairs.pair_id is not null
                then ['duplicate_' || duplicate_pairs.kind]
            else []
        end as drop_reasons,
        explained.is_undecided,
        explained.is_taken_down,
        explained.is_domain_blocked,
        explained.is_hidden,
        duplicate_pairs.keeper_id
    from explained
    left join duplicate_pairs on explained.pair_id = duplicate_pairs.pair_id

)

select * from pairs_judged
