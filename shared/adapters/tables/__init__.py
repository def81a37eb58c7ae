"""Tables as people have them: parquet, CSV and JSON, compressed or not, in batches."""
