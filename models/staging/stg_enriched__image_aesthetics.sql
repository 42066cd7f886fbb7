{{ rated('aesthetic') }}
