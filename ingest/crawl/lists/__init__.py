"""Ready-made lists of URLs and captions, in Parquet, CSV and JSON."""
