{{
    config(
        materialized='table',
        buckets_by='url_id',
        bucket_bytes=400,
        changed_by={
            'intermediate.int_pairs_deduplicated': 'pair_id',
            'intermediate.int_pairs_taken_down': 'pair_id',
            'intermediate.int_pairs_wished': 'pair_id',
            'intermediate.int_hosts_excluded': 'host',
            'intermediate.int_captions_with_unsafe_keywords': 'caption_id',
            'intermediate.int_urls_resolved': 'url_id',
            'raw.wishes': 'url_id',
            'intermediate.int_urls_licensed': 'url_id',
            'intermediate.int_pairs_licensed': 'pair_id',
            'intermediate.int_images':
                ['image_id', 'intermediate.int_urls_resolved'],
            'intermediate.int_images_taken_down':
                ['image_id', 'intermediate.int_urls_resolved'],
            'raw.image_pixels':
                ['image_id', 'intermediate.int_urls_resolved'],
        },
    )
}}

with

{{ described('int_urls_resolved', 'int_images') }}

-- What is long stays where it is, so that to judge again reads little.
select * exclude (image_url, caption) from described
