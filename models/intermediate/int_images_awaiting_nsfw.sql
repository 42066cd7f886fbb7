{{ images_awaiting('nsfw', 'stg_enriched__image_nsfw') }}
