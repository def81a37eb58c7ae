"""Profiles of a reference: made once, kept small, and the counts of a window around their edges."""
