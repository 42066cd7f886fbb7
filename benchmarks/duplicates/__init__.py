"""How near-duplicates are found: planted copies and look-alikes, and what the search costs."""
