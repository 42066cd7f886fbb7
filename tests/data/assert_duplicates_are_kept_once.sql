-- A duplicate's keeper is kept, and of what a recipe calls duplicates no more
-- than one is.
with

judged as (

    select * from {{ ref('int_pairs_judged') }}

),

kept_twice as (

    select min(judged.pair_id) as pair_id
    from judged
    inner join {{ ref('int_recipes') }} as recipes
        on judged.recipe = recipes.recipe
    where judged.drop_reason is null
    group by
        case recipes.duplicates
            when 'none' then judged.pair_id
            when 'url' then judged.url_id
            else judged.image_id
        end
    having count(*) > 1

),

without_keeper as (

    select judged.pair_id
    from judged
    left join judged as keepers
        on judged.keeper_id = keepers.pair_id and keepers.drop_reason is null
    where
        judged.drop_reason like 'duplicate%'
        and keepers.pair_id is null

)

select pair_id from kept_twice
union all
select pair_id from without_keeper
