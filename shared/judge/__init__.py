"""Canary statistics: pure, deterministic, valid at any number of looks."""
