{{ images_awaiting_pixels('image_encoder') }}
