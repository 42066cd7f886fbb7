-- Of what a recipe calls duplicates, one pair is kept and no more.
with

kept_pairs as (

    select
        judged.pair_id,
        judged.recipe,
        case recipes.duplicates
            when 'url' then judged.url_id
            when 'image' then judged.image_id
            else judged.pair_id
        end as duplicate_key
    from {{ ref('int_pairs_judged') }} as judged
    inner join {{ ref('recipes') }} as recipes on judged.recipe = recipes.recipe
    where judged.drop_reason is null

)

select
    duplicate_key,
    count(*) as pairs
from kept_pairs
group by duplicate_key
having count(*) > 1
