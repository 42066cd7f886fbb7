"""Pictures that come with their captions, in tars and folders."""
