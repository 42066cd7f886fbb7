select
    null::varchar as model_id,
    null::bigint as phash,
    null::bigint as matching_phash,
    null::integer as distance
where false
