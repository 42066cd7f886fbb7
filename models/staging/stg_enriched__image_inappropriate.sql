{{ rated('inappropriate') }}
