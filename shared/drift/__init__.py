"""Drift and performance: profiles of data, comparisons with a window, metrics of scored rows. Pure, given data."""
