"""Brings the search index up to date with the marts."""
