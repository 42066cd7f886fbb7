"""Makes of bytes what is kept of a picture; for whatever brings bytes, a crawl file or the web."""
