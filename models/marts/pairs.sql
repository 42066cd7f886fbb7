{{
    config(
        materialized='table',
        partitioned_by=['split'],
        buckets_by='pair_id',
        bucket_bytes=400,
        changed_by={
            'intermediate.int_pairs_kept': 'pair_id',
            'intermediate.int_pairs_deduplicated': 'pair_id',
            'intermediate.int_pairs_first_pages': 'pair_id',
        },
        is_published=true,
    )
}}

{{ pairs_with_texts(is_found_only=false) }}
