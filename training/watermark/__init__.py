"""How the watermark detector was trained: planted marks, ordinary pictures, its test."""
