"""Crawling, pairlake beside cc2dataset, on crawl files that we make ourselves."""
