"""What recipes make of the demo beside its truth."""
