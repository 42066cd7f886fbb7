{{ images_awaiting('watermark', 'stg_enriched__image_watermarks') }}
