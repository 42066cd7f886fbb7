{{ images_awaiting('aesthetic') }}
