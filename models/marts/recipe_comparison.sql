with

pairs_measured as (

    select * from {{ ref('int_pairs_measured') }}

),

recipes_applied as (

    select * from {{ ref('int_recipes_applied') }}

),

duplicate_pairs as (

    select * from {{ ref('int_duplicate_pairs') }}
    where kind = 'near'

),


{{ rules() }},

counted as (

    select
        recipe,
        count(*) as pairs,
        count(*) filter (where is_undecided) as undecided
    from explained
    group by recipe

),

-- Of what a recipe calls duplicates one is kept: the split of that one counts.
keepers as (

    select
        explained.recipe,
        min({
            'pixels': -explained.width::bigint * explained.height,
            'similarity': -coalesce(explained.similarity, '-infinity'::float),
            'crawl_landed_at': explained.crawl_landed_at,
            'pair_id': explained.pair_id,
            'split': explained.split
        })['split'] as split
    from explained
    -- Found for the selected recipe only.
    anti join duplicate_pairs
        on
            explained.pair_id = duplicate_pairs.pair_id
            and explained.recipe = '{{ recipe() }}'
    where explained.is_passing
    group by
        explained.recipe,
        case explained.duplicates
            when 'none' then explained.pair_id
            when 'url' then explained.url_id
            else explained.image_id
        end

),

kept as (

    select
        recipe,
        count(*) as kept,
        count(*) filter (where split = 'en') as kept_en,
        count(*) filter (where split = 'multi') as kept_multi,
        count(*) filter (where split = 'nolang') as kept_nolang
    from keepers
    group by recipe

),

recipe_comparison as (

    select
        recipes_applied.recipe,
        recipes_applied.recipe = '{{ recipe() }}' as is_selected,
        coalesce(counted.pairs, 0) as pairs,
        coalesce(
            counted.pairs - coalesce(kept.kept, 0) - counted.undecided, 0
        ) as dropped,
        coalesce(counted.undecided, 0) as undecided,
        coalesce(kept.kept, 0) as kept,
        coalesce(kept.kept_en, 0) as kept_en,
        coalesce(kept.kept_multi, 0) as kept_multi,
        coalesce(kept.kept_nolang, 0) as kept_nolang,
        recipes_applied.min_similarity_en,
        recipes_applied.min_similarity_other
    from recipes_applied
    left join counted on recipes_applied.recipe = counted.recipe
    left join kept on recipes_applied.recipe = kept.recipe

)

select * from recipe_comparison
