{{ images_awaiting('nsfw') }}
