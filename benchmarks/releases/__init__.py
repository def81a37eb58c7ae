"""Judging and releasing: what is promoted, what is rolled back, and how soon."""
