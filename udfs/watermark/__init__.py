"""A small detector of visible watermarks: its network and its weights."""
