"""Measures pairlake beside its peers, on crawl files that we make ourselves."""
