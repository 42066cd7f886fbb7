"""One crawl's worth on paper, and a slice of it for real."""
