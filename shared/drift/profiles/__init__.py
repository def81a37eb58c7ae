"""Profiles of a reference, made once, and the counts of a window around their edges."""
