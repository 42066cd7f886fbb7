{{ images_awaiting_pixels('image_hash') }}
