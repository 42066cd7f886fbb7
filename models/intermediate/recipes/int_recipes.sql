{{ config(materialized='table', compared_by='recipe') }}

with

recipe_rules as (

    select * from {{ ref('int_recipe_rules') }}

),

mistakes as (

    select * from {{ ref('int_recipe_mistakes') }}

),

-- A mistake must end the build, not publish another dataset than was meant.
checked as (

    select
        case
            when count(*) = 0 then true
            else error(
                'models/seeds/recipes.csv: '
                || array_to_string(
                    list(mistake order by recipe, mistake)[:10], ' '
                )
                || if(
                    count(*) <= 10,
                    '',
                    ' And ' || count(*) - 10
                    || ' more: pairlake sql "from int_recipe_mistakes"'
                )
            )
        end as is_right
    from mistakes

),

recipes as (

    select
        recipe,
        {% for rule in recipe_rules() %}
            try_cast(
                coalesce(
                    max(value) filter (where rule = '{{ rule.rule }}'),
                    {{ "'" ~ rule.default ~ "'" if rule.default else "null" }}
                ) as {{ rule.type }}
            ) as "{{ rule.rule }}"
            {%- if not loop.last %},{% endif %}
        {% endfor %}
    from recipe_rules
    group by recipe

)

select recipes.*
from checked
left join recipes on checked.is_right
where recipes.recipe is not null
