"""What it costs to land pairs while something is to be forgotten."""
