"""Crawl files to pairs: found, read in processes of their own, landed a file at a time."""
