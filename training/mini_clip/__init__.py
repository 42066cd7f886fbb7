"""How mini CLIP, the demo's model, was trained: varied drawings, a vocabulary, its test."""
