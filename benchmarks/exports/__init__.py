"""What it takes to export a large lake, in every format."""
