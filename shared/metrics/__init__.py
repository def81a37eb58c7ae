"""Metrics of scored rows, with and without their labels."""
