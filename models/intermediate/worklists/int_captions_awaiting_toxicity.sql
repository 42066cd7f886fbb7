{{ captions_awaiting('toxicity') }}
