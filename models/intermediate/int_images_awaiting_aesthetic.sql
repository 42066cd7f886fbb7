{{ images_awaiting('aesthetic', 'stg_enriched__image_aesthetics') }}
