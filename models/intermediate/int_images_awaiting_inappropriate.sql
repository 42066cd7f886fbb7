{{ images_awaiting('inappropriate', 'stg_enriched__image_inappropriate') }}
