"""The search page, and the APIs that it and others speak."""
