{{ rated('watermark') }}
