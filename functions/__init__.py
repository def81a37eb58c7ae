"""Triggers only: each takes what the host gives, hands it to the engine, and returns."""
