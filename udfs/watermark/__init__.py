"""A small detector of visible watermarks: its network, its planted training pictures, its test."""
