"""Takes pairs of the lake home, in the formats that others read."""
