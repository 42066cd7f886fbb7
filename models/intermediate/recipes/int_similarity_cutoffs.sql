{{ config(materialized='table', compared_by='recipe') }}

with

pairs_measured as (

    select * from {{ ref('int_pairs_measured') }}

),

recipes_resolved as (

    select * from {{ ref('int_recipes_resolved') }}
    where top_similarity_fraction is not null

),

-- Over all pairs that have the score, whatever else is said of them.
ranked as (

    select
        recipes_resolved.recipe,
        recipes_resolved.top_similarity_fraction,
        pairs_measured.similarity,
        row_number() over (
            partition by recipes_resolved.recipe
            order by pairs_measured.similarity desc
        ) as rank,
        count(*) over (partition by recipes_resolved.recipe) as pairs
    from pairs_measured
    inner join recipes_resolved
        on
            pairs_measured.measured_as = recipes_resolved.measured_as
            and pairs_measured.similarity_model_id in (
                recipes_resolved.similarity_model_id_en,
                recipes_resolved.similarity_model_id_other
            )
    where pairs_measured.similarity is not null

),

-- The first that is not among the best, as DataComp's baselines cut; it stays.
similarity_cutoffs as (

    select
        recipe,
        pairs,
        similarity as min_similarity
    from ranked
    where rank = least(floor(pairs * top_similarity_fraction) + 1, pairs)

)

select * from similarity_cutoffs
