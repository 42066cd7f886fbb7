"""Whether the filters earn their place: the same CLIP trained on what each of them leaves."""
