"""Rows: in batches, in columns, as values; samples, segments and duplicates of them."""
