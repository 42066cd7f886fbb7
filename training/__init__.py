"""Trains and measures the weights that pairlake ships, and models on what it exports."""
