-- What is published, held against the recipe itself and not its flags.
select pairs.pair_id
from {{ ref('pairs') }} as pairs
inner join {{ ref('int_recipes') }} as recipes
    on recipes.recipe = '{{ recipe() }}'
where
    length(pairs.caption) < recipes.min_caption_chars
    or greatest(pairs.width, pairs.height)
    > recipes.max_aspect_ratio * least(pairs.width, pairs.height)
    or coalesce(pairs.punsafe, 1) > coalesce(recipes.max_punsafe, 1)
    or coalesce(pairs.punsafe, 1) >= coalesce(recipes.below_punsafe, 2)
    or coalesce(pairs.pwatermark, 1) >= coalesce(recipes.below_pwatermark, 2)
    or coalesce(pairs.aesthetic_score, -99)
    <= coalesce(recipes.above_aesthetic_score, -100)
    or coalesce(pairs.pinappropriate, 1)
    >= coalesce(recipes.below_pinappropriate, 2)
    or coalesce(pairs.toxicity, 1) >= coalesce(recipes.below_toxicity, 2)
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
