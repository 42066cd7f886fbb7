"""Brings the outside in: crawl files to pairs, URLs to images. Writes the tables of raw."""
