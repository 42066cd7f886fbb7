{{ rated('toxicity') }}
