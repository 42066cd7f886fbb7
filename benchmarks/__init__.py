"""Measures pairlake, beside its peers where it has some: a folder for each benchmark."""
