{{ images_awaiting('watermark') }}
