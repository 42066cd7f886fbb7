-- What is published, held against the recipe itself and not its flags.
select pairs.pair_id
from {{ ref('pairs') }} as pairs
inner join {{ ref('recipes') }} as recipes
    on recipes.recipe = '{{ recipe() }}'
where
    length(pairs.caption) < recipes.min_caption_chars
    or pairs.image_bytes < recipes.min_image_bytes
    or least(pairs.width, pairs.height) < recipes.min_image_side
    or recipes.image_formats not like '%' || pairs.image_format || '%'
    or recipes.languages not like '%' || coalesce(pairs.language, '-') || '%'
    or case
        when
            pairs.split = 'en' and recipes.min_similarity_en is not null
            then
                pairs.similarity is null
                or pairs.similarity < recipes.min_similarity_en
        when
            pairs.split != 'en' and recipes.min_similarity_other is not null
            then
                pairs.similarity is null
                or pairs.similarity < recipes.min_similarity_other
        else false
    end
