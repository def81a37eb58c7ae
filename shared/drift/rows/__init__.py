"""Rows: in batches, in columns, as values; samples and segments of them."""
