{{ images_awaiting('inappropriate') }}
