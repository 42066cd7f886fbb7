{{ rated('nsfw') }}
