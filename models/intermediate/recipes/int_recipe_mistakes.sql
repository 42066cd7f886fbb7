with recursive

recipes as (

    select * from {{ ref('recipes') }}

),

recipe_rules as (

    select * from {{ ref('int_recipe_rules') }}

),

similarity_models as (

    select list(similarity_model order by similarity_model) as known
    from {{ ref('similarity_models') }}

),

licences as (

    select list(distinct family order by family) as known
    from {{ ref('licences') }}

),

-- Blanks around a cell are a mistake of their own, and lead to no other.
trimmed as (

    select
        nullif({{ without_blanks('recipe') }}, '') as recipe,
        nullif({{ without_blanks('"like"') }}, '') as taken_over,
        nullif({{ without_blanks('rule') }}, '') as rule,
        nullif({{ without_blanks('value') }}, '') as value,
        list_filter(
            [recipe, "like", rule, value],
            lambda cell: cell != {{ without_blanks('cell') }}
        ) as padded
    from recipes

),

cells as (

    select * from trimmed
    where recipe is not null

),

recipe_names as (

    select list(distinct recipe order by recipe) as known from cells

),

listed as (

    select
        unnest([
            {% for rule in recipe_rules() -%}
                {%- set between = rule.between or ["'-inf'", "'inf'"] -%}
                {%- set words = (rule.words or "").split() -%}
                {
                    'rule': '{{ rule.rule }}',
                    'wants': '{{ rule.wants }}',
                    'takes': '{{ rule.takes or "" }}',
                    'pattern': '(?is){{ rule.pattern or ".*" }}',
                    'lowest': {{ between[0] }}::double,
                    'highest': {{ between[1] }}::double,
                    'words': [
                        {% for word in words -%}
                            '{{ word }}'{{ '' if loop.last else ',' }}
                        {% endfor -%}
                    ]::varchar[],
                    'of_model': '{{ rule.of or "" }}',
                    'position': {{ loop.index }}
                }{{ '' if loop.last else ',' }}
            {% endfor -%}
        ]) as rule

),

rules as (

    select rule.* from listed  -- noqa: RF01

),

rule_names as (

    select list(rule order by position) as known from rules

),

likes as (

    select
        recipe,
        min(taken_over) as taken_over,
        list(distinct taken_over order by taken_over) as all_taken_over
    from cells
    where taken_over is not null
    group by recipe

),

walks as (

    select
        recipe,
        taken_over as reached,
        [recipe] as way
    from likes

    union all

    select
        walks.recipe,
        likes.taken_over as reached,
        list_append(walks.way, walks.reached) as way
    from walks
    inner join likes on walks.reached = likes.recipe
    where not list_contains(walks.way, walks.reached)

),

recipes_read as (

    select
        recipe,
        bool_or(rule = 'source' and value is not null) as has_source,
        bool_or(rule = 'duplicates' and value is not null) as has_duplicates
    from recipe_rules
    group by recipe

),

sourced as (

    select coalesce(list(recipe order by recipe), []) as known
    from recipes_read
    where has_source

),

-- A name that is written wrong in one row is a recipe that lacks the most.
recipes_meant as (

    select
        recipes_read.*,
        if(
            recipes_read.has_source or recipes_read.has_duplicates,
            null,
            {{ most_like('recipes_read.recipe', 'sourced.known') }}
        ) as meant
    from recipes_read
    cross join sourced

),

circles as (

    select distinct list_sort(way) as way
    from walks
    where reached = recipe

),

values_given as (

    select
        cells.recipe,
        cells.rule,
        cells.value,
        rules.wants,
        regexp_full_match(cells.value, rules.pattern)
        and (
            rules.lowest = '-inf'::double
            or try_cast(cells.value as double)
            between rules.lowest and rules.highest
        ) as is_right,
        case rules.takes
            when 'similarity model' then similarity_models.known
            when 'licences' then licences.known
            else rules.words
        end as words,
        case rules.takes
            when '' then []
            when 'words' then string_split(cells.value, ' ')
            when 'licences' then string_split(cells.value, ' ')
            else [cells.value]
        end as parts
    from cells
    inner join rules on cells.rule = rules.rule
    cross join similarity_models
    cross join licences
    where cells.value is not null

),

parts as (

    select
        recipe,
        rule,
        words,
        wants,
        unnest(parts) as part
    from values_given

),

mistakes_of_cells as (

    select
        recipe,
        'blanks are around ''' || unnest(padded) || ''': take them out.'
            as mistake
    from cells

    union all

    select
        null as recipe,
        'A row with the rule ''' || coalesce(rule, '')
        || ''' and the value ''' || coalesce(value, '')
        || ''' names no recipe: write it into the first cell, '
        || 'or take the row out.' as mistake
    from trimmed
    where
        recipe is null
        -- Spreadsheets leave rows of nothing but commas.
        and coalesce(taken_over, rule, value) is not null

    union all

    select
        recipe,
        'a row names no rule (its value is ''' || coalesce(value, '')
        || '''): write it into the third cell, or take the row out.' as mistake
    from cells
    where rule is null

    union all

    select
        cells.recipe,
        'there is no rule ''' || cells.rule || ''': write ' || coalesce(
            {{ most_like('cells.rule', 'rule_names.known') }},
            'one of ' || array_to_string(rule_names.known, ', ')
        ) || '.' as mistake
    from cells
    cross join rule_names
    where not list_contains(rule_names.known, cells.rule)

    union all

    select
        recipe,
        rule || ' is there twice (' || string_agg(
            coalesce('''' || value || '''', 'empty'), ', ' order by value
        ) || '): leave one.' as mistake
    from cells
    where rule is not null
    group by recipe, rule
    having count(*) > 1

    union all

    select
        recipe,
        rule || ' is ''' || value || ''': write ' || wants || '.' as mistake
    from values_given
    where not is_right

    union all

    select
        recipe,
        case part
            when '' then rule || ' has two blanks in a row: leave one.'
            else
                rule || ' has ''' || part || ''': write '
                || coalesce({{ most_like('part', 'words') }} || ', or ', '')
                || wants || '.'
        end as mistake
    from parts
    where not list_contains(words, part)

    union all

    select
        likes.recipe,
        'it is like ''' || likes.taken_over || ''', which is no recipe: write '
        || coalesce(
            {{ most_like('likes.taken_over', 'recipe_names.known') }},
            'one of ' || array_to_string(recipe_names.known, ', ')
        ) || '.' as mistake
    from likes
    cross join recipe_names
    where
        length(likes.all_taken_over) = 1
        and not list_contains(recipe_names.known, likes.taken_over)

    union all

    select
        recipe,
        'it is like several recipes ('
        || array_to_string(all_taken_over, ', ')
        || '): name one, the same in each row or in one row alone.' as mistake
    from likes
    where length(all_taken_over) > 1

    union all

    select
        way[1] as recipe,
        if(
            length(way) = 1,
            'it is like itself: name another, or none.',
            'it is like itself by way of '
            || array_to_string(way[2:], ', ')
            || ': write one of them in full, with nothing under `like`.'
        ) as mistake
    from circles

),

-- Of what the rows come to; looked for when each of them is right.
mistakes_of_recipes as (

    select
        null as recipe,
        'There is no recipe: add one.' as mistake
    from cells
    having count(*) = 0

    union all

    select
        recipe,
        'it has no source: add the row ' || recipe
        || ',,source,WHERE IT COMES FROM'
        || coalesce(', or write ' || meant || ' if that is meant', '')
        || '.' as mistake
    from recipes_meant
    where not has_source

    union all

    select
        recipe,
        'it does not say what duplicates are: add the row ' || recipe
        || ',,duplicates,none, or with url, image or near in place of none.'
            as mistake
    from recipes_meant
    where not has_duplicates and meant is null

    union all

    select
        thresholds.recipe,
        thresholds.rule || ' is there without ' || rules.of_model
        || ': name that, or take ' || thresholds.rule || ' out'
        || if(thresholds.said_by = thresholds.recipe, '', ' by an empty value')
        || '.' as mistake
    from recipe_rules as thresholds
    inner join recipes_meant on thresholds.recipe = recipes_meant.recipe
    inner join rules on thresholds.rule = rules.rule
    left join recipe_rules as models
        on
            thresholds.recipe = models.recipe
            and rules.of_model = models.rule
    where
        rules.of_model != ''
        and recipes_meant.meant is null
        and thresholds.value is not null
        and models.value is null
        -- What is taken over is said where it stands.
        and thresholds.recipe in (thresholds.said_by, models.said_by)

),

mistakes as (

    select * from mistakes_of_cells

    union all

    select * from mistakes_of_recipes
    where not exists (select 1 from mistakes_of_cells)

),

recipe_mistakes as (

    select
        recipe,
        coalesce('The recipe ' || recipe || ': ', '') || mistake as mistake
    from mistakes

)

select * from recipe_mistakes
