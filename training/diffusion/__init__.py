"""Whether a text-to-image model learns from an exported subset: a recipe, run with a tiny model."""
