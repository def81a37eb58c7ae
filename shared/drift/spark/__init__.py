"""Counting a window on Spark: the job, and the package that it is registered from."""
