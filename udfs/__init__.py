"""Adds columns: each job takes a worklist and writes one table of `enriched`, dropping no row."""
