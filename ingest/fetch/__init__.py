"""URLs to images: asked for by turns, politely and safely, landed a batch at a time."""
