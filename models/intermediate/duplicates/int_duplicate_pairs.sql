{{ config(materialized='table', compared_by='pair_id') }}

with

pairs_measured as (

    select * from {{ ref('int_pairs_measured') }}

),

selected_recipe as (

    select * from {{ ref('int_selected_recipe') }}

),

recipes_applied as (

    select recipes_applied.*
    from {{ ref('int_recipes_applied') }} as recipes_applied
    inner join selected_recipe
        on recipes_applied.recipe = selected_recipe.recipe
    where recipes_applied.duplicates != 'none'

),

hash_matches as (

    select * from {{ ref('int_hash_matches') }}

),

-- Flat pictures have a hash that says nothing.
hashes_distinct as (

    select * from {{ ref('int_hashes_distinct') }}
    where not is_flat

),

embedding_matches as (

    select * from {{ ref('int_embedding_matches') }}

),

encoders as (

    select * from {{ ref('int_recipe_models') }}
    where kind = 'image_encoder'

),

{{ rules() }},

-- The keeper of a group is chosen among pairs without another reason: the
-- largest, then the likest, then the first. Of two ranks the lesser wins. What
-- is found only comes after all that is kept, and takes nothing from it.
passing as (

    select
        pair_id,
        image_id,
        image_hash_model_id,
        phash,
        duplicates,
        case duplicates when 'url' then url_id else image_id end
            as duplicate_key,
        {
            'is_found_only': is_found_only,
            'pixels': -width::bigint * height,
            'similarity': -coalesce(similarity, '-infinity'::float),
            'crawl_landed_at': crawl_landed_at,
            'pair_id': pair_id
        } as rank
    from explained
    where is_passing or is_found_only

),

-- Same URL, or same bytes.
firsts as (

    select
        duplicate_key,
        min(rank) as rank
    from passing
    group by duplicate_key

),

same as (

    select
        passing.pair_id,
        firsts.rank['pair_id'] as keeper_id
    from passing
    inner join firsts on passing.duplicate_key = firsts.duplicate_key

),

-- What looks the same: here each picture goes by its first pair.
pictures as (

    select passing.*
    from passing
    semi join firsts on passing.pair_id = firsts.rank['pair_id']
    where passing.duplicates = 'near'

),

looks as (

    select
        pictures.image_hash_model_id,
        pictures.phash,
        min(pictures.rank) as rank
    from pictures
    semi join hashes_distinct
        on
            pictures.image_hash_model_id = hashes_distinct.model_id
            and pictures.phash = hashes_distinct.phash
    group by pictures.image_hash_model_id, pictures.phash

),

-- Each picture beside all that match it; equal hashes by the best of them.
candidates as (

    select
        pair_id,
        rank
    from pictures

    union all

    select
        pictures.pair_id,
        looks.rank
    from pictures
    inner join looks
        on
            pictures.image_hash_model_id = looks.image_hash_model_id
            and pictures.phash = looks.phash

    union all

    select
        pictures.pair_id,
        looks.rank
    from pictures
    inner join hash_matches
        on
            pictures.image_hash_model_id = hash_matches.model_id
            and pictures.phash = hash_matches.phash
    inner join looks
        on
            hash_matches.model_id = looks.image_hash_model_id
            and hash_matches.matching_phash = looks.phash

    union all

    select
        pictures.pair_id,
        matching.rank
    from pictures
    inner join embedding_matches
        on pictures.image_id = embedding_matches.image_id
    inner join pictures as matching
        on embedding_matches.matching_image_id = matching.image_id
    semi join encoders on embedding_matches.model_id = encoders.model_id

),

best_matches as (

    select
        pair_id,
        min(rank)['pair_id'] as best_id
    from candidates
    group by pair_id

),

-- The best match keeps a picture out only if nothing keeps out the match: a
-- chain of likenesses does not join what is not alike.
near as (

    select
        best_matches.pair_id,
        best_matches.best_id as keeper_id
    from best_matches
    inner join best_matches as keepers
        on
            best_matches.best_id = keepers.pair_id
            and keepers.best_id = keepers.pair_id
    where best_matches.pair_id != best_matches.best_id

),

duplicate_pairs as (

    select
        same.pair_id,
        coalesce(near.keeper_id, same.keeper_id) as keeper_id,
        case
            when same.pair_id = same.keeper_id then 'near'
            when selected.duplicates = 'url' then 'url'
            else 'image'
        end as kind
    from same
    cross join recipes_applied as selected
    left join near on same.keeper_id = near.pair_id
    where same.pair_id != coalesce(near.keeper_id, same.keeper_id)

)

select * from duplicate_pairs
