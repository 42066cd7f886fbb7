select
    null::varchar as model_id,
    null::uuid as image_id,
    null::uuid as matching_image_id,
    null::float as cosine
where false
